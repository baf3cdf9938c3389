/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/rng.h"
#include "load/search.h"

/* A machine that serves up to `capacity` sessions; at sessions near it the outcome is random. */
struct machine {
    uint32_t capacity;
    double noise; /* half width of the uncertain region, in sessions */
    struct rng rng;
};

static enum search_outcome try(struct machine *machine, uint32_t sessions)
{
    double edge = machine->capacity + 0.5 + machine->noise * (2 * rng_uniform(&machine->rng) - 1);
    return sessions <= edge ? SEARCH_PASSED : SEARCH_FAILED;
}

static void run(struct search *search, const struct search_options *options,
                struct machine *machine)
{
    search_init(search, options);
    uint32_t sessions;
    while ((sessions = search_next(search)) != 0) {
        assert_int_equal(sessions % search->options.step, 0);
        search_tell(search, try(machine, sessions));
    }
}

static unsigned count(const struct search *search, uint32_t sessions, enum search_outcome outcome)
{
    unsigned n = 0;
    for (unsigned i = 0; i < search->trial_count; i++)
        n += search->trials[i].sessions == sessions && search->trials[i].outcome == outcome;
    return n;
}

static void test_every_capacity(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 3000; capacity += 7) {
        for (uint32_t step = 1; step <= 25; step += 8) {
            struct machine machine = {.capacity = capacity};
            struct search search;
            run(&search, &(struct search_options){.start = 100, .step = step}, &machine);
            if (capacity < step) {
                assert_int_equal(search.state, SEARCH_NONE);
                assert_int_equal(search_capacity(&search), 0);
                continue;
            }
            uint32_t expected = capacity / step * step;
            assert_int_equal(search.state, SEARCH_CONFIRMED);
            assert_int_equal(search_capacity(&search), expected);
            assert_true(count(&search, expected, SEARCH_PASSED) >= 2);
            assert_true(count(&search, expected + step, SEARCH_FAILED) >= 2);
            assert_true(search.trial_count <= 30);
        }
    }
}

static void test_most(void **state)
{
    (void)state;
    struct machine machine = {.capacity = 5000};
    struct search search;
    run(&search, &(struct search_options){.start = 10, .step = 10, .most = 1234}, &machine);
    assert_int_equal(search.state, SEARCH_AT_MOST);
    assert_int_equal(search_capacity(&search), 1230);
    for (unsigned i = 0; i < search.trial_count; i++)
        assert_true(search.trials[i].sessions <= 1234);
    run(&search, &(struct search_options){.step = 10, .most = 9}, &machine);
    assert_int_equal(search.state, SEARCH_NONE);
    assert_int_equal(search.trial_count, 0);
    /* A start beyond what is possible is brought back. */
    run(&search, &(struct search_options){.start = 1000, .most = 20}, &machine);
    assert_int_equal(search_capacity(&search), 20);
}

/* However the noise falls, it ends, the answer passed, and it lies in the uncertain region. */
static void test_noise(void **state)
{
    (void)state;
    unsigned confirmed = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct machine machine = {.capacity = 700, .noise = 60};
        struct search search;
        rng_init(&machine.rng, seed, 0);
        run(&search, &(struct search_options){.start = 64, .step = 10}, &machine);
        uint32_t capacity = search_capacity(&search);
        assert_true(count(&search, capacity, SEARCH_PASSED) >= 1);
        assert_true(capacity >= 630 && capacity <= 770);
        confirmed += search.state == SEARCH_CONFIRMED;
        if (search.state == SEARCH_CONFIRMED)
            assert_true(count(&search, capacity, SEARCH_PASSED) >= 2);
    }
    assert_true(confirmed > 450);
}

static void test_trials_are_bounded(void **state)
{
    (void)state;
    struct machine machine = {.capacity = 100000};
    struct search search;
    run(&search, &(struct search_options){.start = 10, .trials = 5}, &machine);
    assert_int_equal(search.state, SEARCH_GIVEN_UP);
    assert_int_equal(search.trial_count, 5);
    assert_int_equal(search_capacity(&search), 160);
    assert_int_equal(search_next(&search), 0);
}

static void test_invalid(void **state)
{
    (void)state;
    struct search search;
    search_init(&search, &(struct search_options){.start = 8});
    search_tell(&search, SEARCH_INVALID);
    assert_int_equal(search_next(&search), 8); /* once more */
    search_tell(&search, SEARCH_PASSED);
    assert_int_equal(search_next(&search), 16);
    search_tell(&search, SEARCH_INVALID);
    search_tell(&search, SEARCH_INVALID); /* not passed */
    assert_int_equal(search_next(&search), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_capacity), cmocka_unit_test(test_most),
        cmocka_unit_test(test_noise),          cmocka_unit_test(test_trials_are_bounded),
        cmocka_unit_test(test_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
