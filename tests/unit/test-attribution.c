/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "explain/attribution.h"

enum { PAIRS = 8, CAMPAIGNS = 1000 };

/* Causes of 10 and 4 seconds are measured, 2 seconds are seen by no probe. */
static void test_injected_causes_are_recovered(void **state)
{
    (void)state;
    static const double truth[] = {10, 4, 2};
    struct rng rng;
    rng_init(&rng, 1, 0);
    int covered[3] = {0};
    for (int campaign = 0; campaign < CAMPAIGNS; campaign++) {
        double exits[PAIRS], steal[PAIRS], gaps[PAIRS];
        for (int i = 0; i < PAIRS; i++) {
            exits[i] = truth[0] + rng_normal(&rng);
            steal[i] = truth[1] + 0.5 * rng_normal(&rng);
            gaps[i] = exits[i] + steal[i] + truth[2] + 0.3 * rng_normal(&rng);
        }
        const struct attribution_cause causes[] = {{"exits", exits}, {"steal", steal}};
        struct interval parts[3];
        struct attribution all = attribution_of(gaps, PAIRS, causes, 2, 0.95, parts);
        parts[2] = all.unexplained;
        double sum = 0;
        for (int c = 0; c < 3; c++) {
            sum += parts[c].estimate;
            covered[c] += parts[c].lo <= truth[c] && truth[c] <= parts[c].hi;
        }
        assert_near(sum, all.gap.estimate, 1e-9);
    }
    for (int c = 0; c < 3; c++) /* 950 expected, standard deviation 7 */
        assert_near(covered[c], 950, 28);
}

static void test_unmeasured_cause_stays_unexplained(void **state)
{
    (void)state;
    const double gaps[] = {5, 6, 7}, known[] = {1, 2, 3}, broken[] = {1, NAN, 1};
    const struct attribution_cause causes[] = {{"known", known}, {"broken", broken}};
    struct interval parts[2];
    struct attribution all = attribution_of(gaps, 3, causes, 2, 0.95, parts);
    assert_int_equal(parts[1].state, INTERVAL_NOT_FINITE);
    assert_near(all.unexplained.estimate, 4, 1e-12);
}

static void test_claims_beyond_the_gap_show(void **state)
{
    (void)state;
    const double gaps[] = {1, 2, 3}, claim[] = {2, 3, 4};
    const struct attribution_cause causes[] = {{"claim", claim}};
    struct interval part;
    struct attribution all = attribution_of(gaps, 3, causes, 1, 0.95, &part);
    assert_near(all.unexplained.estimate, -1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_injected_causes_are_recovered),
        cmocka_unit_test(test_unmeasured_cause_stays_unexplained),
        cmocka_unit_test(test_claims_beyond_the_gap_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
