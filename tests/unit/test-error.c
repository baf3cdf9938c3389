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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_returns_code),
        cmocka_unit_test(test_prefix_goes_in_front),
        cmocka_unit_test(test_long_text_is_cut),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
