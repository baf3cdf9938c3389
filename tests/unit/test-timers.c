/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/rng.h"
#include "http/timers.h"

enum { IDS = 200 };

static uint64_t earliest(const uint64_t *when_ns)
{
    uint64_t least = TIMERS_NEVER;
    for (int i = 0; i < IDS; i++)
        least = when_ns[i] < least ? when_ns[i] : least;
    return least;
}

/* Against a plain array, over random settings, moves, cancellations and expiries. */
static void test_like_an_array(void **state)
{
    (void)state;
    struct timers timers;
    struct rng rng;
    uint64_t when_ns[IDS], now_ns = 0;
    rng_init(&rng, 1, 0);
    timers_init(&timers, IDS);
    for (int i = 0; i < IDS; i++)
        when_ns[i] = TIMERS_NEVER;
    for (int round = 0; round < 50000; round++) {
        uint32_t id = (uint32_t)rng_below(&rng, IDS);
        uint64_t kind = rng_below(&rng, 10);
        if (kind < 7) {
            when_ns[id] = now_ns + rng_below(&rng, 1000);
            timers_set(&timers, id, when_ns[id]);
        } else if (kind < 8) {
            when_ns[id] = TIMERS_NEVER;
            timers_cancel(&timers, id);
        } else {
            struct timers_entry entry;
            now_ns += rng_below(&rng, 20);
            while (timers_take(&timers, now_ns, &entry)) {
                assert_int_equal(entry.when_ns, when_ns[entry.id]);
                assert_int_equal(entry.when_ns, earliest(when_ns));
                when_ns[entry.id] = TIMERS_NEVER;
            }
            assert_true(earliest(when_ns) > now_ns);
        }
        assert_int_equal(timers_next_ns(&timers), earliest(when_ns));
    }
    timers_done(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_like_an_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
