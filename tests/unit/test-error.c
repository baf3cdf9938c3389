/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/error.h"

static void test_set_returns_code(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, ERROR_USAGE, -EINVAL, "word '%s'", "x\ny"), -EINVAL);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, "word 'x y'");
    assert_int_equal(error_set(NULL, ERROR_FAILED, -EIO, "nobody listens"), -EIO);
}

static void test_prefix_goes_in_front(void **state)
{
    (void)state;
    struct error err = {0};
    error_set_errno(&err, ERROR_ENVIRONMENT, -ENOENT, "open '%s'", "a");
    assert_int_equal(error_prefix(&err, "plan %d", 7), -ENOENT);
    assert_string_equal(err.text, "plan 7: open 'a': No such file or directory");
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    struct error err = {0};
    char word[4000];
    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    error_set(&err, ERROR_USAGE, -EINVAL, "%s", word);
    error_prefix(&err, "%s", word);
    assert_in_range(strlen(err.text), 1000, sizeof(err.text) - 1);
}

static void test_suffix_goes_behind(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_FAILED, -EIO, "exit code %d", 1);
    assert_int_equal(error_suffix(&err, "logs are in '%s'", "/x"), -EIO);
    assert_string_equal(err.text, "exit code 1; logs are in '/x'");
}

/* Whatever the text before it is, and though something is put in front of it later. */
static void test_suffix_is_whole(void **state)
{
    (void)state;
    char word[4000];
    memset(word, 'w', sizeof(word) - 1);
    for (size_t length = 800; length < 1100; length++) {
        struct error err = {0};
        error_set(&err, ERROR_FAILED, -EIO, "%.*s", (int)length, word);
        error_suffix(&err, "logs are in '%.100s'", word);
        error_prefix(&err, "%.60s", word);
        const char *tail = strstr(err.text, "; logs are in '");
        assert_non_null(tail);
        assert_string_equal(tail + strlen("; logs are in '") + 100, "'");
        if (length == 800) /* nothing is left out that has room */
            assert_null(strstr(err.text, "..."));
    }
}

static void test_suffix_alone_may_be_long(void **state)
{
    (void)state;
    struct error err = {0};
    char word[4000];
    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    error_set(&err, ERROR_FAILED, -EIO, "%s", word);
    error_suffix(&err, "%s", word);
    assert_in_range(strlen(err.text), 900, sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_returns_code), cmocka_unit_test(test_prefix_goes_in_front),
        cmocka_unit_test(test_long_text_is_cut), cmocka_unit_test(test_suffix_goes_behind),
        cmocka_unit_test(test_suffix_is_whole),  cmocka_unit_test(test_suffix_alone_may_be_long),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
