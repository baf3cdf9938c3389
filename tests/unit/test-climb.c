/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A climb against a simulated shop whose pages wait in one queue.
 */
#include "test.h"

#include "base/clock.h"
#include "load/climb.h"

static const struct climb_rules rules = {
    .good_share = 0.95, .good_ns = 3 * NS_PER_S, .think_mean_ns = NS_PER_S, .most = 4000};

static void test_grows_with_pages(void **state)
{
    (void)state;
    struct crowd_step step = {.sessions = 16, .length_ns = 400 * NS_PER_MS, .begun = 100};
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 16); /* too short */
    step.length_ns = 600 * NS_PER_MS;
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 24);
    step.begun = 10;
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 16); /* too few pages */
    /* Near the limit many wait: longer steps, smaller ones. */
    step = (struct crowd_step){.sessions = 16, .length_ns = 600 * NS_PER_MS, .begun = 100};
    assert_int_equal(climb_steer(&rules, &step, 0, 8), 16);
    step.length_ns = 1300 * NS_PER_MS;
    assert_int_equal(climb_steer(&rules, &step, 0, 8), 20);
}

static void test_ends_when_refused(void **state)
{
    (void)state;
    struct crowd_step steps[2] = {
        {.sessions = 16, .length_ns = NS_PER_S, .begun = 100, .late = 5},
        {.sessions = 24, .length_ns = NS_PER_MS, .begun = 1, .late = 1},
    };
    /* One late page of a step that has only begun says nothing yet. */
    assert_int_equal(climb_steer(&rules, steps, 1, 0), 24);
    steps[0].late = 6;
    assert_int_equal(climb_steer(&rules, steps, 1, 0), 0);
    steps[0].late = 0;
    steps[1].late = steps[1].begun = 3;
    assert_int_equal(climb_steer(&rules, steps, 1, 0), 0);
}

static void test_most(void **state)
{
    (void)state;
    struct crowd_step step = {.sessions = 3000, .length_ns = NS_PER_S, .begun = 3000};
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 4000);
    step.sessions = 4000;
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 4000); /* pages may still come late */
    step.length_ns = 5 * NS_PER_S;
    assert_int_equal(climb_steer(&rules, &step, 0, 0), 0);
}

static void test_cross(void **state)
{
    (void)state;
    assert_near(climb_cross(100, 0, 400, 0.10, 0.05), 200, 1e-9);
    assert_near(climb_cross(100, 0.05, 400, 0.10, 0.05), 100, 1e-9);
    assert_near(climb_cross(100, 0.02, 125, 0.05, 0.05), 125, 1e-9);
    assert_near(climb_cross(100, 0.02, 125, 0.02, 0.05), 100, 0); /* refused for something else */
    assert_near(climb_cross(0, 0, 16, 0.5, 0.05), 0, 0);
}

/* One page at a time at a fixed rate, first come, first served: every page planned in a step of N
 * sessions waits for the N or so before it. What the climb says must be near to what such a queue
 * serves within the good time: N / rate - think = good. */
static double simulate(double rate_hz)
{
    struct crowd_step steps[CROWD_ITERATIONS_MAX] = {{.sessions = 16}};
    unsigned at = 0;
    double think_s = 1, good_s = 3, tick_s = 0.05, now_s = 0;
    double waits[CROWD_ITERATIONS_MAX] = {0}, ends[CROWD_ITERATIONS_MAX] = {0};
    for (uint32_t next = 16; next > 0; now_s += tick_s) {
        struct crowd_step *step = &steps[at];
        double saturated = step->sessions / rate_hz - think_s;
        waits[at] = saturated > 0 ? saturated : 0;
        double served = step->sessions / (think_s + waits[at]) * tick_s;
        step->length_ns += (uint64_t)(tick_s * 1e9);
        step->begun += (uint64_t)(served + 0.5);
        ends[at] = now_s;
        for (unsigned i = 0; i <= at; i++)
            steps[i].late =
                waits[i] > good_s && now_s > ends[i] - 0.5 + good_s ? steps[i].begun : 0;
        double loading = step->sessions * waits[at] / (think_s + waits[at]);
        next = climb_steer(&rules, steps, at, (uint64_t)loading);
        if (next > step->sessions && ++at < CROWD_ITERATIONS_MAX)
            steps[at].sessions = next;
        assert_true(now_s < 100);
    }
    unsigned i = 0;
    while (i < at && steps[i].late == 0)
        i++;
    return i > 0 ? climb_cross(steps[i - 1].sessions, 0, steps[i].sessions, 1, 0.05) : 0;
}

static void test_finds_what_a_queue_serves(void **state)
{
    (void)state;
    static const double rates_hz[] = {25, 60, 200, 500, 900};
    for (size_t i = 0; i < COUNT_OF(rates_hz); i++) {
        double wanted = rates_hz[i] * 4, found = simulate(rates_hz[i]);
        assert_true(found <= wanted * 1.02 && found >= wanted / 1.28);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_with_pages),
        cmocka_unit_test(test_ends_when_refused),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_cross),
        cmocka_unit_test(test_finds_what_a_queue_serves),
    };
    return cmocka_run_group_tests_name("climb", tests, NULL, NULL);
}
