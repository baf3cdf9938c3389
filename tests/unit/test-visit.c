/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "load/visit.h"
#include "stats/chisquare.h"
#include "stats/ks.h"

static void init_world(struct shop_world *world)
{
    assert_int_equal(shop_world_init(world, 5, 100, 0), 0);
}

/* The published shares and 12.38 pages a session, over a million pages. */
static void test_a_million_pages(void **state)
{
    (void)state;
    struct shop_world world;
    struct rng rng;
    struct visit visit;
    uint64_t counts[SHOP_PAGES] = {0}, sessions = 0, pages = 0;
    double shares[SHOP_PAGES];
    init_world(&world);
    rng_init(&rng, 1, 0);
    while (pages < 1000000) {
        visit_begin(&visit, &world, (uint32_t)(sessions++ % 100), &rng);
        do {
            counts[visit.session.page]++;
            pages++;
        } while (visit_advance(&visit, &rng));
    }
    for (int i = 0; i < SHOP_PAGES; i++) {
        shares[i] = shop_page_info((enum shop_page)i)->share;
        assert_near((double)counts[i] / (double)pages, shares[i], 0.0015);
    }
    /* Pages of a session depend on each other, so the statistic is inflated; the published shares
     * are rounded. Far from 13 classes' worth all the same. */
    assert_true(chisquare_of(counts, shares, SHOP_PAGES).statistic < 60);
    assert_near((double)pages / (double)sessions, 12.38, 0.05);
}

struct think {
    double mean;
    double max;
};

static double think_cdf(double x, const void *context)
{
    const struct think *think = context;
    return (1 - exp(-x / think->mean)) / (1 - exp(-think->max / think->mean));
}

static void test_think_times(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static double values[COUNT];
    struct think think = {10e9, 150e9};
    struct rng rng;
    rng_init(&rng, 4, 0);
    size_t used = 0;
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t ns = visit_think_ns(&rng, (uint64_t)think.mean, (uint64_t)think.max);
        assert_true(ns <= (uint64_t)think.max);
        sum += (double)ns;
        if (ns < (uint64_t)think.max)
            values[used++] = (double)ns;
    }
    assert_true(ks_of(values, used, think_cdf, &think).p_value > 0.001);
    assert_near(sum / COUNT, 10e9, 0.3e9);
    /* And the test can fail: the same values are no sample of another mean. */
    think.mean = 10.5e9;
    assert_true(ks_of(values, used, think_cdf, &think).p_value < 0.001);
    /* The cut: every draw of a mean far above it. */
    for (int i = 0; i < 100; i++)
        assert_true(visit_think_ns(&rng, UINT64_MAX / 2, 1000) <= 1000);
}

static void test_requests(void **state)
{
    (void)state;
    struct shop_world world;
    struct rng rng;
    struct visit visit;
    struct cookie_jar jar;
    char text[VISIT_REQUEST_BYTES + 1];
    init_world(&world);
    rng_init(&rng, 2, 0);
    cookie_jar_clear(&jar);
    cookie_jar_set(&jar, "shop_session=abc; Path=/", 24);
    struct visit_request request = {.authority = "shop.test:8080", .jar = &jar};
    unsigned conditional = 0, posts = 0;
    for (int session = 0; session < 300; session++) {
        visit_begin(&visit, &world, 0, &rng);
        do {
            for (unsigned file = 0; file < visit.files; file++) {
                size_t length = visit_format_request(&visit, file, &request, text);
                assert_true(length < VISIT_REQUEST_BYTES);
                text[length] = '\0';
                assert_non_null(strstr(text, " HTTP/1.1\r\nHost: shop.test:8080\r\n"));
                assert_non_null(strstr(text, "\r\nCookie: shop_session=abc\r\n"));
                conditional += strstr(text, "\r\nIf-Modified-Since: ") != NULL;
                char *end = strstr(text, "\r\n\r\n");
                assert_non_null(end);
                const char *announced = strstr(text, "\r\nContent-Length: ");
                posts += announced != NULL;
                assert_int_equal(text + length - end - 4, announced ? atoi(announced + 18) : 0);
                assert_int_equal(announced != NULL, strncmp(text, "POST ", 5) == 0);
            }
        } while (visit_advance(&visit, &rng));
    }
    assert_true(conditional > 3000 && posts > 100);
}

/* Longest of everything: a request of the largest host, jar and form still fits. */
static void test_largest_request(void **state)
{
    (void)state;
    struct shop_world world;
    struct visit visit;
    struct rng rng;
    struct cookie_jar jar;
    char authority[URL_AUTHORITY_BYTES], cookie[COOKIE_JAR_BYTES], text[VISIT_REQUEST_BYTES];
    init_world(&world);
    rng_init(&rng, 2, 0);
    memset(authority, 'h', sizeof(authority) - 1);
    authority[sizeof(authority) - 1] = '\0';
    memset(cookie, 'c', sizeof(cookie));
    cookie[1] = '=';
    cookie_jar_clear(&jar);
    cookie_jar_set(&jar, cookie, COOKIE_JAR_BYTES - 2);
    assert_int_equal(jar.used, COOKIE_JAR_BYTES);
    struct visit_request request = {.authority = authority, .jar = &jar};
    visit_begin(&visit, &world, 0, &rng);
    do
        for (unsigned file = 0; file < visit.files; file++)
            assert_true(visit_format_request(&visit, file, &request, text) < sizeof(text));
    while (visit_advance(&visit, &rng) || visit.session.page != SHOP_CONFIRM);
}

/* A right document, whole. */
static char *make_document(const struct visit *visit)
{
    const struct shop_expectation *expected = &visit->expectation;
    char *text = mem_alloc(expected->html_bytes);
    memset(text, 'p', expected->html_bytes);
    memcpy(text, expected->head, expected->head_length);
    memcpy(text + expected->html_bytes - expected->tail_length, expected->tail,
           expected->tail_length);
    return text;
}

static enum visit_outcome check(const struct visit *visit, const char *bytes, size_t length,
                                struct rng *rng)
{
    struct visit_check state = {0};
    size_t at = 0;
    while (at < length) {
        size_t portion = 1 + rng_below(rng, rng_below(rng, 4) ? 9000 : 40);
        portion = portion < length - at ? portion : length - at;
        visit_check_body(visit, 0, &state, bytes + at, portion);
        at += portion;
    }
    return visit_check_end(visit, 0, &state, 200);
}

static void test_document_check(void **state)
{
    (void)state;
    struct shop_world world;
    struct visit visit;
    struct rng rng;
    init_world(&world);
    rng_init(&rng, 3, 0);
    visit_begin(&visit, &world, 0, &rng);
    for (int page = 0; page < 100; page++) {
        if (!visit_advance(&visit, &rng))
            visit_begin(&visit, &world, 0, &rng);
        CLEANUP_FREE char *text = make_document(&visit);
        size_t length = visit.expectation.html_bytes, head = visit.expectation.head_length;
        assert_int_equal(check(&visit, text, length, &rng), VISIT_RIGHT);
        assert_int_equal(check(&visit, text, length - 1, &rng), VISIT_WRONG);
        assert_int_equal(check(&visit, text, 0, &rng), VISIT_WRONG);
        size_t at = rng_below(&rng, head);
        text[at] ^= 1;
        assert_int_equal(check(&visit, text, length, &rng), VISIT_WRONG);
        text[at] ^= 1;
        at = length - 1 - rng_below(&rng, visit.expectation.tail_length);
        text[at] ^= 1;
        assert_int_equal(check(&visit, text, length, &rng), VISIT_WRONG);
        text[at] ^= 1;
        text[head] ^= 1; /* what is between the two is anybody's */
        assert_int_equal(check(&visit, text, length, &rng), VISIT_RIGHT);
        struct visit_check good = {.offset = (uint32_t)length};
        assert_int_equal(visit_check_end(&visit, 0, &good, 404), VISIT_BAD_STATUS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million_pages), cmocka_unit_test(test_think_times),
        cmocka_unit_test(test_requests),        cmocka_unit_test(test_largest_request),
        cmocka_unit_test(test_document_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
