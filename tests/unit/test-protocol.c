/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "guest/protocol.h"

struct row {
    const char *line;
    ssize_t rc; /* 0 stands for: all of the line, newline included */
    struct protocol_message message;
};

#define INCOMPLETE 1000

static const struct row rows[] = {
    {"vtax-guest-1 ready\n", 0, {.kind = PROTOCOL_READY}},
    {"vtax-guest-1 pong\n", 0, {.kind = PROTOCOL_PONG}},
    {"vtax-guest-1 pong 1\n", -EBADMSG, {0}},
    {"vtax-guest-1 ready", INCOMPLETE, {0}},
    {"", INCOMPLETE, {0}},
    {"Welcome to Debian\n", 0, {.kind = PROTOCOL_NOISE}},
    {"\n", 0, {.kind = PROTOCOL_NOISE}},
    {"vtax-guest-2 ready\n", 0, {.kind = PROTOCOL_NOISE}},
    {"vtax-guest-1 ready \n", -EBADMSG, {0}},
    {"vtax-guest-1 \n", -EBADMSG, {0}},
    {"vtax-guest-1 result status=0 guest_ns=12 user_ns=3 system_ns=4 output_bytes=6 "
     "error_bytes=0\n",
     0,
     {.kind = PROTOCOL_RESULT, .guest_ns = 12, .user_ns = 3, .system_ns = 4, .output_bytes = 6}},
    {"vtax-guest-1 result status=265 guest_ns=18446744073709551615 user_ns=0 system_ns=0 "
     "output_bytes=16777216 error_bytes=65536\n",
     0,
     {.kind = PROTOCOL_RESULT,
      .status = 265,
      .guest_ns = UINT64_MAX,
      .output_bytes = PROTOCOL_OUTPUT_MAX,
      .error_bytes = PROTOCOL_ERROR_MAX}},
    {"vtax-guest-1 result status=384 guest_ns=1 user_ns=3 system_ns=4 output_bytes=0 "
     "error_bytes=0\n",
     -EBADMSG,
     {0}},
    {"vtax-guest-1 result status=0 guest_ns=18446744073709551616 user_ns=3 system_ns=4 "
     "output_bytes=0 error_bytes=0\n",
     -EBADMSG,
     {0}},
    {"vtax-guest-1 result status=0 guest_ns=1 user_ns=3 system_ns=4 output_bytes=16777217 "
     "error_bytes=0\n",
     -EBADMSG,
     {0}},
    {"vtax-guest-1 result status=-1 guest_ns=1 user_ns=3 system_ns=4 output_bytes=0 "
     "error_bytes=0\n",
     -EBADMSG,
     {0}},
    {"vtax-guest-1 result status=0 guest_ns=01 user_ns=3 system_ns=4 output_bytes=0 "
     "error_bytes=0\n",
     -EBADMSG,
     {0}},
    {"vtax-guest-1 result status=0 guest_ns=1\n", -EBADMSG, {0}},
    {"vtax-guest-1 failed code=2 start 'x\ty'\n",
     0,
     {.kind = PROTOCOL_FAILED, .code = 2, .text = "start 'x y'"}},
    {"vtax-guest-1 failed code= start\n", -EBADMSG, {0}},
    {"vtax-guest-1 failed code=2\n", -EBADMSG, {0}},
};

static void assert_same(const struct protocol_message *a, const struct protocol_message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->status, b->status);
    assert_true(a->guest_ns == b->guest_ns && a->user_ns == b->user_ns);
    assert_true(a->system_ns == b->system_ns);
    assert_true(a->output_bytes == b->output_bytes && a->error_bytes == b->error_bytes);
    assert_int_equal(a->code, b->code);
    assert_string_equal(a->text, b->text);
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].line);
        /* Exactly as long as it is, so that the sanitizer sees a read beyond. */
        CLEANUP_FREE char *exact = mem_copy(rows[i].line, length ? length : 1);
        struct protocol_message message = {.code = 77};
        ssize_t rc = protocol_parse(exact, length, &message);
        ssize_t expected = rows[i].rc == INCOMPLETE ? 0
                           : rows[i].rc == 0        ? (ssize_t)length
                                                    : rows[i].rc;
        if (rc != expected)
            fail_msg("'%s': %zd, expected %zd", rows[i].line, rc, expected);
        if (rc > 0)
            assert_same(&message, &rows[i].message);
        else
            assert_int_equal(message.code, 77);
    }
}

static void test_only_the_first_line_is_taken(void **state)
{
    (void)state;
    const char text[] = "vtax-guest-1 ready\nvtax-guest-1 result";
    struct protocol_message message;
    assert_int_equal(protocol_parse(text, sizeof(text) - 1, &message), 19);
    assert_int_equal(message.kind, PROTOCOL_READY);
    assert_int_equal(protocol_parse(text + 19, sizeof(text) - 20, &message), 0);
}

static void test_line_without_end_is_refused(void **state)
{
    (void)state;
    char text[PROTOCOL_LINE_MAX + 1];
    struct protocol_message message;
    memset(text, 'x', sizeof(text));
    assert_int_equal(protocol_parse(text, PROTOCOL_LINE_MAX - 1, &message), 0);
    assert_int_equal(protocol_parse(text, PROTOCOL_LINE_MAX, &message), -EMSGSIZE);
    text[PROTOCOL_LINE_MAX] = '\n';
    assert_int_equal(protocol_parse(text, sizeof(text), &message), -EMSGSIZE);
}

static void test_what_is_formatted_parses_back(void **state)
{
    (void)state;
    struct protocol_message messages[] = {
        {.kind = PROTOCOL_READY},
        {.kind = PROTOCOL_PONG},
        {.kind = PROTOCOL_RESULT, .status = 383, .guest_ns = UINT64_MAX, .user_ns = UINT64_MAX},
        {.kind = PROTOCOL_FAILED, .code = 2, .text = "start 'bzip3': No such file or directory"},
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        char line[PROTOCOL_LINE_MAX + 1];
        size_t length = protocol_format(&messages[i], line);
        assert_int_equal(strlen(line), length);
        struct protocol_message message;
        assert_int_equal(protocol_parse(line, length, &message), length);
        assert_same(&message, &messages[i]);
    }
}

static void test_long_and_odd_texts_stay_one_line(void **state)
{
    (void)state;
    struct protocol_message message = {.kind = PROTOCOL_FAILED, .code = 1};
    memset(message.text, '\n', sizeof(message.text) - 1);
    char line[PROTOCOL_LINE_MAX + 1];
    size_t length = protocol_format(&message, line);
    assert_int_equal(length, PROTOCOL_LINE_MAX);
    assert_ptr_equal(memchr(line, '\n', length), line + length - 1);
    assert_int_equal(protocol_parse(line, length, &message), length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_only_the_first_line_is_taken),
        cmocka_unit_test(test_line_without_end_is_refused),
        cmocka_unit_test(test_what_is_formatted_parses_back),
        cmocka_unit_test(test_long_and_odd_texts_stay_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
