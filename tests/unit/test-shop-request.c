/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>

#include "base/mem.h"
#include "shop/request.h"

static struct shop_world world_of_ten(void)
{
    struct shop_world world;
    assert_int_equal(shop_world_measure(&world, 3, 10, 5), 0);
    return world;
}

/* One request; state NULL: without a cookie. */
static int ask(const char *page, const char *arguments, const struct shop_state *state, bool post,
               struct shop_request *out_request)
{
    struct shop_world world = world_of_ten();
    char cookie[128] = "";
    if (state) {
        char token[TOKEN_LENGTH + 1];
        token_format(&world, state, token);
        snprintf(cookie, sizeof(cookie), "other=1; " SHOP_COOKIE_NAME "=%s", token);
    }
    struct shop_input input = {
        .page = page,
        .page_length = strlen(page),
        .arguments = arguments,
        .arguments_length = strlen(arguments),
        .cookie = state ? cookie : NULL,
        .cookie_length = strlen(cookie),
        .post = post,
        .tls = true,
        .fresh_id = 77,
    };
    return shop_request_parse(&world, &input, out_request);
}

static const struct shop_state visitor = {.id = 5, .region = 4, .customer_type = 1};

static void test_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *page, *arguments;
        bool post, with_cookie;
        int status;
    } rows[] = {
        {"index", "region=3&type=1", false, false, 200},
        {"index", "type=1&region=19", false, true, 200},
        {"index", "region=20&type=1", false, false, 400},
        {"index", "region=3", false, false, 400},
        {"index", "", false, false, 400},
        {"index", "region=3&type=1&type=1", false, false, 400},
        {"index", "region=3&type=1&word=1", false, false, 400},
        {"index", "region=3&type=1&unknown=1", false, false, 400},
        {"index", "region=3&type=1&", false, false, 200},
        {"index", "region=3&&type=1", false, false, 400},
        {"index", "region=-3&type=1", false, false, 400},
        {"index", "region=+3&type=1", false, false, 400},
        {"index", "region=&type=1", false, false, 400},
        {"index", "region&type=1", false, false, 400},
        {"index", "region=00000000000000000003&type=1", false, false, 400},
        {"index", "region=4294967299&type=1", false, false, 400},
        {"index", "region=18446744073709551619&type=1", false, false, 400},
        {"index", "region=3%00&type=1", false, false, 400},
        {"index", "region=3&type=1", true, false, 405},
        {"nowhere", "", false, true, 404},
        {"", "", false, true, 404},
        {"../index", "region=3&type=1", false, true, 404},
        {"INDEX", "region=3&type=1", false, true, 404},
        {"search", "word=18&page=4", false, true, 200},
        {"search", "word=18&page=4", false, false, 403},
        {"search", "word=19&page=4", false, true, 400},
        {"search", "word=18&page=5", false, true, 400},
        {"browse", "segment=4", false, true, 200},
        {"browse", "segment=5", false, true, 400},
        {"productline", "group=3&directory=23", false, true, 200},
        {"productline", "group=3&directory=24", false, true, 400},
        {"productline", "group=3&directory=50", false, true, 400},
        {"detail", "product=499", false, true, 200},
        {"detail", "product=500", false, true, 400},
        {"customize1", "product=1&options=7", false, true, 200},
        {"customize1", "product=1&options=8", false, true, 400},
        {"customize2", "product=1&options=63", false, true, 200},
        {"customize3", "product=1&options=511", false, true, 200},
        {"customize3", "product=1&options=512", false, true, 400},
        {"cart", "product=1&options=511&quantity=3", true, true, 200},
        {"cart", "product=1&options=511&quantity=0", true, true, 400},
        {"cart", "product=1&options=511&quantity=4", true, true, 400},
        {"cart", "product=1&options=511&quantity=3", false, true, 405},
        {"login", "user=1&password=pass1", true, true, 403}, /* an empty cart */
        {"confirm", "order=1", true, true, 403},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct shop_request request;
        int status = ask(rows[i].page, rows[i].arguments, rows[i].with_cookie ? &visitor : NULL,
                         rows[i].post, &request);
        if (status != rows[i].status)
            fail_msg("%s?%s: %d, expected %d", rows[i].page, rows[i].arguments, status,
                     rows[i].status);
        assert_int_equal(request.refusal == NULL, status == 200);
    }
}

static void test_order_of_steps(void **state)
{
    (void)state;
    struct shop_request request;
    struct shop_state s = visitor;
    assert_int_equal(ask("cart", "product=7&options=9&quantity=2", &s, true, &request), 200);
    assert_true(request.state_changed);
    s = request.state;
    assert_int_equal(ask("shipping", "method=1", &s, true, &request), 403);
    assert_int_equal(ask("login", "user=8&password=pass9", &s, true, &request), 403);
    assert_int_equal(ask("login", "user=8&password=8", &s, true, &request), 400);
    assert_int_equal(ask("login", "user=100&password=pass100", &s, true, &request), 400);
    assert_int_equal(ask("login", "user=8&password=pass8", &s, true, &request), 200);
    s = request.state;
    assert_int_equal(ask("billing", "card=1", &s, true, &request), 403);
    assert_int_equal(ask("shipping", "method=1", &s, true, &request), 200);
    s = request.state;
    assert_int_equal(ask("confirm", "order=1", &s, true, &request), 403);
    assert_int_equal(ask("billing", "card=2", &s, true, &request), 200);
    s = request.state;
    assert_int_equal(ask("confirm", "order=1", &s, true, &request), 200);
    assert_int_equal(request.query.command, SHOP_COMMAND_ORDER);
    assert_int_equal(request.query.arguments[0], 8);
    assert_int_equal(request.query.arguments[1], 7);
    assert_int_equal(request.query.arguments[2], 9);
    assert_int_equal(request.query.arguments[3], shop_order_terms(2, 1, 2));
    assert_int_equal(request.state.id, visitor.id);
}

static void test_visits(void **state)
{
    (void)state;
    struct shop_request request;
    assert_int_equal(ask("index", "region=3&type=1", NULL, false, &request), 200);
    assert_true(request.state_changed);
    assert_int_equal(request.state.id, 77);
    struct shop_state s = request.state;
    assert_int_equal(ask("index", "region=3&type=1", &s, false, &request), 200);
    assert_false(request.state_changed);
    assert_int_equal(ask("detail", "product=3", &s, false, &request), 200);
    assert_false(request.state_changed);
    assert_int_equal(request.query.arguments[0], 3);
}

static void test_bounds(void **state)
{
    (void)state;
    struct shop_world world = world_of_ten();
    char arguments[REQUEST_ARGUMENTS_MAX + 1];
    memset(arguments, '&', sizeof(arguments));
    struct shop_input input = {.page = "index",
                               .page_length = 5,
                               .arguments = arguments,
                               .arguments_length = sizeof(arguments)};
    struct shop_request request;
    assert_int_equal(shop_request_parse(&world, &input, &request), 400);
    input.arguments = NULL;
    input.arguments_length = 0;
    assert_int_equal(shop_request_parse(&world, &input, &request), 400);
    input = (struct shop_input){.page = "login", .page_length = 5, .post = true};
    assert_int_equal(shop_request_parse(&world, &input, &request), 403); /* without TLS */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_order_of_steps),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
