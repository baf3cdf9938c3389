/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "shop/answer.h"

static bool parses(const char *target)
{
    struct answer_request request;
    return answer_request_parse(target, strlen(target), &request);
}

static void test_request_targets(void **state)
{
    (void)state;
    static const char *const good[] = {"/besim?stat", "/besim?1&0&18446744073709551615&10&5",
                                       "/besim?1&1&3&1&0&0", "/besim?1&10&4294967295&0&0&0"};
    static const char *const bad[] = {"",
                                      "/",
                                      "/besim",
                                      "/besim?",
                                      "/besim?stat&",
                                      "/besim?1",
                                      "/besim?1&",
                                      "/besim?1&1",
                                      "/besim?1&1&3&1&0",
                                      "/besim?1&1&3&1&0&0&0",
                                      "/besim?2&1&3&1&0&0",
                                      "/besim?1&11&3&1&0&0",
                                      "/besim?1&1&3&1&0&x",
                                      "/besim?1&1&3&1&0&-1",
                                      "/besim?1&1&4294967296&1&0&0",
                                      "/besim?1&1&3&4294967296&0&0",
                                      "/besim?1&0&1&10",
                                      "/besim?1&0&18446744073709551616&10&5",
                                      "/besim?1&&3&1&0&0",
                                      "/Besim?1&1&3&1&0&0",
                                      "/besim?1&1&3&1&0&0 "};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!parses(good[i]))
            fail_msg("'%s' was refused", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parses(bad[i]))
            fail_msg("'%s' was accepted", bad[i]);
}

static void test_formatted_requests_parse(void **state)
{
    (void)state;
    const struct shop_query query = {SHOP_COMMAND_ORDER, {UINT32_MAX, 1, UINT32_MAX, 0}};
    struct answer_request request;
    char text[ANSWER_TARGET_MAX + 64];
    size_t length = answer_request_format(&query, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_true(
        answer_request_parse(text + 4, (size_t)(strstr(text, " HTTP") - text) - 4, &request));
    assert_int_equal(request.kind, ANSWER_PAGE);
    assert_int_equal(request.query.command, SHOP_COMMAND_ORDER);
    assert_int_equal(request.query.arguments[2], UINT32_MAX);
    answer_reset_format(UINT64_MAX, UINT32_MAX, 7, text, sizeof(text));
    assert_true(
        answer_request_parse(text + 4, (size_t)(strstr(text, " HTTP") - text) - 4, &request));
    assert_int_equal(request.kind, ANSWER_RESET);
    assert_int_equal(request.seed, UINT64_MAX);
    assert_int_equal(request.directories_per_session, 7);
}

static void test_bodies(void **state)
{
    (void)state;
    struct answer answer;
    static const char good[] = "<html><pre>\n0\nreference=00000000000000ff&a;b;;d&&x\n</pre>";
    assert_true(answer_parse(good, sizeof(good) - 1, &answer));
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.reference, 255);
    assert_int_equal(answer.field_count, 3);
    assert_int_equal(answer_part(&answer, 0, 0).length, 1);
    assert_int_equal(answer_part(&answer, 0, 2).length, 0);
    assert_memory_equal(answer_part(&answer, 0, 3).text, "d", 1);
    assert_int_equal(answer_part(&answer, 0, 4).length, 0);
    assert_int_equal(answer_part(&answer, 1, 0).length, 0);
    assert_memory_equal(answer_part(&answer, 2, 0).text, "x", 1);
    assert_int_equal(answer_part(&answer, 3, 0).length, 0);
}

static void test_refusal_and_fields(void **state)
{
    (void)state;
    char body[ANSWER_BODY_MAX];
    struct answer answer;
    assert_true(answer_parse(body, answer_compose_refusal(2, body), &answer));
    assert_int_equal(answer.status, 2);
    assert_int_equal(answer.field_count, 0);
    assert_true(answer_parse(body, answer_compose_fields("a;1&b;2", body), &answer));
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.field_count, 2);
}

static void test_bad_bodies(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "<pre>",
                                      "<pre>\n",
                                      "<pre>\n</pre>",
                                      "<pre>\n\n</pre>",
                                      "<pre>\nx\n</pre>",
                                      "<pre>\n1000\n</pre>",
                                      "<pre>\n0",
                                      "<pre>\n-1\n</pre>",
                                      "</pre>\n<pre>\n0"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct answer answer;
        if (answer_parse(bad[i], strlen(bad[i]), &answer))
            fail_msg("'%s' was accepted", bad[i]);
    }
    char many[ANSWER_BODY_MAX] = "<pre>\n0\n";
    for (int i = 0; i <= ANSWER_FIELDS_MAX; i++)
        strcat(many, "a&");
    strcat(many, "\n</pre>");
    struct answer answer;
    assert_false(answer_parse(many, strlen(many), &answer));
}

static void test_arguments_outside_their_domain(void **state)
{
    (void)state;
    struct shop_world world;
    char body[ANSWER_BODY_MAX];
    assert_int_equal(shop_world_measure(&world, 1, 10, 5), 0);
    static const struct shop_query bad[] = {
        {SHOP_COMMAND_RESET, {0}},
        {SHOP_COMMANDS, {0}},
        {SHOP_COMMAND_REGIONS, {20, 0}},
        {SHOP_COMMAND_REGIONS, {0, 4}},
        {SHOP_COMMAND_REGIONS, {0, 0, 0, 1}},
        {SHOP_COMMAND_PRODUCTS, {0, 0, 50}},
        {SHOP_COMMAND_DETAIL, {0, 500}},
        {SHOP_COMMAND_LOGIN, {100}},
        {SHOP_COMMAND_ORDER, {0, 0, 512, 0}},
        {SHOP_COMMAND_ORDER, {0, 0, 0, UINT32_MAX}},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(answer_compose(&world, &bad[i], body), 0);
    const struct shop_query good = {SHOP_COMMAND_DETAIL, {19, 499}};
    assert_true(answer_compose(&world, &good, body) > 0);
}

static int parse_http(const char *text, struct answer_text *body, bool *must_close)
{
    size_t used;
    return answer_http_parse(text, strlen(text), body, &used, must_close);
}

static void test_http(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3073\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 3\r\n\r\nabc",
        "garbage\r\n\r\n",
    };
    struct answer_text body;
    bool must_close;
    assert_int_equal(
        parse_http("HTTP/1.1 200 OK\r\nX: y\r\ncontent-LENGTH:  3\r\n\r\nabc", &body, &must_close),
        1);
    assert_int_equal(body.length, 3);
    assert_memory_equal(body.text, "abc", 3);
    assert_false(must_close);
    assert_int_equal(parse_http("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
                                &body, &must_close),
                     1);
    assert_true(must_close);
    assert_int_equal(
        parse_http("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", &body, &must_close), 0);
    assert_int_equal(parse_http("HTTP/1.1 2", &body, &must_close), 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parse_http(bad[i], &body, &must_close) >= 0)
            fail_msg("'%s' was accepted", bad[i]);
    char endless[ANSWER_HTTP_MAX];
    memset(endless, 'x', sizeof(endless));
    size_t used;
    assert_int_equal(answer_http_parse(endless, sizeof(endless), &body, &used, &must_close), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_targets),
        cmocka_unit_test(test_formatted_requests_parse),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_refusal_and_fields),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_arguments_outside_their_domain),
        cmocka_unit_test(test_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
