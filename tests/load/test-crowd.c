/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shoppers against a shop that keeps count: what they report is what it served, to the unit, and
 * every wrong is found and named.
 */
#include "unit/test.h"

#include <stdio.h>

#include "base/clock.h"
#include "light-shop.h"
#include "load/crowd.h"
#include "stats/chisquare.h"

enum { SESSIONS = 60 };

struct world {
    struct light_shop shop;
    struct target target;
    struct crowd_shop shops[1];
    struct crowd_options options;
    struct crowd_result result;
};

static void start(struct world *world)
{
    char text[64];
    struct url url;
    struct target_options options = {.connections = 2 * SESSIONS, .threads = 2};
    light_shop_start(&world->shop, 7, SESSIONS);
    int length = snprintf(text, sizeof(text), "http://127.0.0.1:%u/", world->shop.port);
    assert_int_equal(url_parse(text, (size_t)length, &url, NULL), 0);
    assert_int_equal(target_prepare(&url, &options, &world->target, NULL), 0);
    world->shops[0].plain = &world->target;
    world->options = (struct crowd_options){
        .shops = world->shops,
        .shop_count = 1,
        .world = &world->shop.world,
        .sessions = SESSIONS,
        .threads = 2,
        .seed = 3,
        .ramp_ns = 200 * NS_PER_MS,
        .warm_up_ns = 200 * NS_PER_MS,
        .iteration_ns = 500 * NS_PER_MS,
        .iterations = 3,
        .think_mean_ns = 200 * NS_PER_MS,
        .idle_close_ns = 150 * NS_PER_MS,
    };
}

static void run(struct world *world)
{
    struct error err = {0};
    if (crowd_run(&world->options, &world->result, &err) < 0)
        fail_msg("%s", err.text);
    light_shop_stop(&world->shop);
}

/* All windows together. */
static void add_up(const struct world *world, struct score *sum)
{
    score_init(sum);
    for (unsigned i = 0; i <= world->options.iterations; i++)
        score_add(sum, crowd_score(&world->result, 0, i));
}

static void check_totals(const struct world *world, const struct score *sum)
{
    const struct light_shop *shop = &world->shop;
    uint64_t views = 0, answered = 0;
    for (int i = 0; i < SHOP_PAGES; i++) {
        assert_int_equal(sum->pages[i].views, shop->views[i]);
        assert_int_equal(sum->pages[i].failed, 0);
        assert_int_equal(sum->pages[i].times.count, sum->pages[i].views);
        views += shop->views[i];
    }
    answered = views + shop->images;
    assert_true(views > 50);
    assert_int_equal(sum->requests, answered);
    assert_int_equal(sum->not_modified, shop->not_modified);
    assert_int_equal(sum->bytes, shop->body_bytes);
    assert_int_equal(sum->raw.count, views);
    assert_int_equal(sum->planned.count, views);
    assert_int_equal(sum->lag.count, views);
    assert_int_equal(shop->refused, 0);
}

static void check_series(const struct crowd_result *result, const struct score *sum)
{
    uint64_t pages = 0, requests = 0, bytes = 0;
    for (uint32_t i = 0; i < result->second_count; i++) {
        pages += result->seconds[i].pages;
        requests += result->seconds[i].requests;
        bytes += result->seconds[i].bytes;
    }
    assert_int_equal(pages, sum->planned.count);
    assert_int_equal(requests, sum->requests);
    assert_int_equal(bytes, sum->bytes);
}

static void check_good_run(enum loop_kind loop)
{
    struct world world = {0};
    struct score sum;
    start(&world);
    world.options.loop = loop;
    run(&world);
    add_up(&world, &sum);
    assert_int_equal(load_failures_total(&sum.failures), 0);
    check_totals(&world, &sum);
    check_series(&world.result, &sum);
    assert_int_equal(sum.sessions_broken, 0);
    assert_int_equal(world.result.unfinished, 0);
    /* One new pair of connections or more for each session. */
    assert_true(world.result.connects >= sum.pages[SHOP_INDEX].views / 3);
    assert_int_equal(world.result.connects, world.shop.connections);
    for (unsigned i = 0; i < world.options.iterations; i++) {
        struct score_page total = score_total(crowd_score(&world.result, 0, i));
        assert_true(total.views > 0);
        assert_int_equal(total.tolerable, total.views);
    }
    score_done(&sum);
    crowd_result_done(&world.result);
}

static void test_totals_epoll(void **state)
{
    (void)state;
    check_good_run(LOOP_EPOLL);
}

static void test_totals_auto(void **state)
{
    (void)state;
    check_good_run(LOOP_AUTO);
}

static void check_mischief(enum light_mischief mischief, int failure)
{
    struct world world = {.shop = {.mischief = mischief, .mischief_every = 23}};
    struct score sum;
    start(&world);
    run(&world);
    add_up(&world, &sum);
    assert_true(world.shop.mischiefs > 0);
    for (int i = 0; i < LOAD_FAILURES; i++) {
        uint64_t expected = i == failure ? world.shop.mischiefs : 0;
        if (sum.failures.counts[i] != expected)
            fail_msg("mischief %d: %llu of %s, expected %llu", mischief,
                     (unsigned long long)sum.failures.counts[i], load_failure_name((unsigned)i),
                     (unsigned long long)expected);
    }
    /* Two wrong images of one page make one failed page. */
    struct score_page total = score_total(&sum);
    assert_true(total.failed <= world.shop.mischiefs && total.failed > world.shop.mischiefs / 2);
    assert_int_equal(total.failed, sum.sessions_broken);
    score_done(&sum);
    crowd_result_done(&world.result);
}

static void test_mischief(void **state)
{
    (void)state;
    check_mischief(LIGHT_WRONG_DATA, LOAD_INVALID);
    check_mischief(LIGHT_WRONG_TITLE, LOAD_INVALID);
    check_mischief(LIGHT_WRONG_MARKER, LOAD_INVALID);
    check_mischief(LIGHT_SHORT_PAGE, LOAD_INVALID);
    check_mischief(LIGHT_SHORT_IMAGE, LOAD_INVALID);
    check_mischief(LIGHT_NEVER_304, LOAD_BAD_STATUS);
    check_mischief(LIGHT_ERROR, LOAD_BAD_STATUS);
}

/* A reset of a connection that has served before is asked for once more, as browsers do. */
static void test_resets(void **state)
{
    (void)state;
    struct world world = {.shop = {.mischief = LIGHT_RESET, .mischief_every = 23}};
    struct score sum;
    start(&world);
    run(&world);
    add_up(&world, &sum);
    assert_true(world.shop.mischiefs > 3);
    uint64_t noticed = sum.retried + sum.failures.counts[CLIENT_RESET];
    assert_true(noticed <= world.shop.mischiefs && world.shop.mischiefs <= noticed + sum.abandoned);
    assert_true(noticed > world.shop.mischiefs / 2);
    assert_true(sum.retried > 0);
    assert_int_equal(load_failures_total(&sum.failures), sum.failures.counts[CLIENT_RESET]);
    score_done(&sum);
    crowd_result_done(&world.result);
}

static void test_validation_can_be_left_out(void **state)
{
    (void)state;
    struct world world = {.shop = {.mischief = LIGHT_WRONG_DATA, .mischief_every = 2}};
    struct score sum;
    start(&world);
    world.options.no_validation = true;
    run(&world);
    add_up(&world, &sum);
    assert_true(world.shop.mischiefs > 3);
    assert_int_equal(load_failures_total(&sum.failures), 0);
    score_done(&sum);
    crowd_result_done(&world.result);
}

/* Expected in 1.9 s: 380 arrivals, standard deviation 19. */
static void test_poisson_arrivals(void **state)
{
    (void)state;
    struct world world = {0};
    struct score sum;
    start(&world);
    world.options.arrivals_hz = 200;
    world.options.think_mean_ns = 5 * NS_PER_MS;
    run(&world);
    add_up(&world, &sum);
    check_totals(&world, &sum);
    assert_near((double)(world.result.sessions_begun + world.result.turned_away), 380, 5 * 19.5);
    assert_true(sum.sessions_ended > 0);
    score_done(&sum);
    crowd_result_done(&world.result);
}

static void test_no_room(void **state)
{
    (void)state;
    struct world world = {0};
    struct score sum;
    start(&world);
    world.options.sessions = 4;
    world.options.arrivals_hz = 200;
    run(&world);
    add_up(&world, &sum);
    assert_true(world.result.turned_away > 100);
    check_series(&world.result, &sum);
    score_done(&sum);
    crowd_result_done(&world.result);
}

static void test_contradictions(void **state)
{
    (void)state;
    struct world world = {0};
    start(&world);
    struct crowd_options good = world.options;
    struct crowd_options bad[] = {good, good, good, good, good, good};
    bad[0].sessions = 0;
    bad[1].threads = SESSIONS + 1;
    bad[2].iteration_ns = 0;
    bad[3].iterations = CROWD_ITERATIONS_MAX + 1;
    bad[4].limits = (struct score_limits){5, 3};
    bad[5].ramp_ns = UINT64_MAX;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        assert_int_equal(crowd_run(&bad[i], &world.result, &err), -22);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    light_shop_stop(&world.shop);
    assert_int_equal(world.shop.connections, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals_epoll),
        cmocka_unit_test(test_totals_auto),
        cmocka_unit_test(test_mischief),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_validation_can_be_left_out),
        cmocka_unit_test(test_poisson_arrivals),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
