/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "campaign/trial.h"

#define S NS_PER_S
#define MS NS_PER_MS

/* The bound of a run of 10 s is 150 ms. */
static const struct {
    const char *what;
    uint64_t host_ns, guest_ns, round_trip_ns;
    bool is_suspect;
} clocks[] = {
    {"the same", 10 * S, 10 * S, 0, false},
    {"slow, within the bound", 10 * S, 10 * S - 150 * MS, 0, false},
    {"slow, beyond it", 10 * S, 10 * S - 151 * MS, 0, true},
    {"fast, within the bound", 10 * S, 10 * S + 150 * MS, 0, false},
    {"fast, beyond it", 10 * S, 10 * S + 151 * MS, 0, true},
    {"the host waited for the answer", 10 * S, 10 * S - 400 * MS, 250 * MS, false},
    {"... and for longer than that", 10 * S, 10 * S - 401 * MS, 250 * MS, true},
    {"a long way excuses no fast clock", 10 * S, 10 * S + 151 * MS, 250 * MS, true},
    {"a way longer than the gap", 10 * S, 10 * S - 1 * MS, 250 * MS, false},
    {"a short run", 10 * MS, 60 * MS, 0, false},
    {"a short run, beyond it", 10 * MS, 61 * MS, 0, true},
    {"it jumped ahead in a run", 10 * S, 3610 * S, 0, true},
    {"it stood for a part of a run", 10 * S, 8 * S, 0, true},
    {"it went back behind where it started", 10 * S, -(2 * S), 0, true},
    {"not taken", 10 * S, 0, 0, false},
};

static void test_clocks_that_disagree(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(clocks); i++) {
        print_message("%s\n", clocks[i].what);
        assert_int_equal(
            trial_clock_is_suspect(clocks[i].host_ns, clocks[i].guest_ns, clocks[i].round_trip_ns),
            clocks[i].is_suspect);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clocks_that_disagree)};
    return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
