/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "stats/normalise.h"

#define TRIAL(number, value)                                                                       \
    {                                                                                              \
        .block = (number), .performance = (value), .ok = true                                      \
    }
#define FAILED(number, value)                                                                      \
    {                                                                                              \
        .block = (number), .performance = (value), .ok = false                                     \
    }

static void test_performance(void **state)
{
    (void)state;
    assert_near(normalise_performance(4, true), 4, 0);
    assert_near(normalise_performance(4, false), 0.25, 0);
    assert_true(isnan(normalise_performance(0, false)));
    assert_true(isnan(normalise_performance(-1, true)));
    assert_true(isnan(normalise_performance(INFINITY, false)));
}

static void test_consolidate(void **state)
{
    (void)state;
    static const double values[] = {2, 4, 4};
    assert_near(
        normalise_consolidate(
            values, 3, &(struct normalise_metric){.higher_is_better = true, .adds_up = true}),
        10, 0);
    assert_near(normalise_consolidate(values, 3, &(struct normalise_metric){0}), 1, 1e-15);
    assert_near(normalise_consolidate(values, 3, &(struct normalise_metric){.adds_up = true}), 0.1,
                1e-15);
    assert_near(
        normalise_consolidate(values, 3, &(struct normalise_metric){.higher_is_better = true}),
        10.0 / 3, 1e-15);
    static const double broken[] = {2, 0, 4};
    assert_true(isnan(normalise_consolidate(broken, 3, &(struct normalise_metric){0})));
    assert_true(isnan(normalise_consolidate(values, 0, &(struct normalise_metric){0})));
}

/* Ratios 1/2, 1/2, 1/8: the geometric mean is 2^(-5/3); on logs sd = 2 ln 2 / sqrt 3, so that the
 * half width is t(0.975; 2) 2 ln 2 / 3. */
static void test_paired_by_hand(void **state)
{
    (void)state;
    static const struct normalise_trial cell[] = {TRIAL(2, 1),  TRIAL(0, 5), TRIAL(1, 3),
                                                  FAILED(3, 1), TRIAL(4, 9), TRIAL(2, 77)};
    static const struct normalise_trial baseline[] = {TRIAL(0, 10), TRIAL(1, 6), TRIAL(2, 8),
                                                      TRIAL(3, 1),  TRIAL(5, 1), FAILED(4, 1)};
    struct normalise_options options = {.margin = 0.05, .seed = 1};
    CLEANUP_NORMALISE struct normalise_result result =
        normalise_paired(cell, COUNT_OF(cell), baseline, COUNT_OF(baseline), &options);
    assert_int_equal(result.pairs, 3);
    assert_int_equal(result.unpaired_cell, 1);     /* block 4 */
    assert_int_equal(result.unpaired_baseline, 2); /* blocks 3 and 5 */
    assert_int_equal(result.repeated, 1);
    assert_near(result.ratio.estimate, pow(2, -5.0 / 3), 1e-12);
    double reach = 4.3026527297494618 * 2 * log(2) / 3;
    assert_near(result.ratio.lo, exp(-5.0 / 3 * log(2) - reach), 1e-12);
    assert_near(result.ratio.hi, exp(-5.0 / 3 * log(2) + reach), 1e-10);
    assert_near(result.ratio.level, 0.95, 0);
    assert_int_equal(result.comparison.verdict, VERDICT_UNDECIDED);
    assert_true(result.bca.lo >= 0.125 && result.bca.hi <= 0.5);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(result.points[i].block, i);
        assert_near(result.points[i].value, i == 2 ? 0.125 : 0.5, 1e-12);
    }
}

static void test_drift_of_the_host_cancels(void **state)
{
    (void)state;
    struct normalise_trial cell[10], baseline[10];
    for (size_t i = 0; i < 10; i++) {
        double host = 1 + 0.2 * (double)i;
        baseline[i] = (struct normalise_trial)TRIAL(i, host);
        cell[i] = (struct normalise_trial)TRIAL(i, host * (i % 2 ? 0.801 : 0.799));
    }
    struct normalise_options options = {.margin = 0.02};
    CLEANUP_NORMALISE struct normalise_result result =
        normalise_paired(cell, 10, baseline, 10, &options);
    assert_int_equal(result.comparison.verdict, VERDICT_SLOWER);
    assert_int_equal(result.bca_verdict, VERDICT_SLOWER);
    assert_false(result.disagree);
    assert_true(result.ratio.hi - result.ratio.lo < 0.002);
}

static void test_outlier_is_marked_and_counts(void **state)
{
    (void)state;
    struct normalise_trial cell[8], baseline[8];
    for (size_t i = 0; i < 8; i++) {
        baseline[i] = (struct normalise_trial)TRIAL(i, 1);
        cell[i] = (struct normalise_trial)TRIAL(i, i == 5 ? 0.2 : 0.9 + 0.001 * (double)i);
    }
    struct normalise_options options = {.margin = 0.02};
    CLEANUP_NORMALISE struct normalise_result result =
        normalise_paired(cell, 8, baseline, 8, &options);
    assert_int_equal(result.outliers, 1);
    assert_true(result.points[5].outlier);
    assert_int_equal(result.ratio.n, 8);
    assert_true(result.ratio.estimate < 0.8);
}

static void test_no_verdict_without_data(void **state)
{
    (void)state;
    static const struct normalise_trial one[] = {TRIAL(0, 1)};
    static const struct normalise_trial bad[] = {TRIAL(0, 1), TRIAL(1, NAN), TRIAL(2, 1)};
    static const struct normalise_trial good[] = {TRIAL(0, 1), TRIAL(1, 1), TRIAL(2, 1)};
    struct normalise_options options = {.margin = 0.05};
    CLEANUP_NORMALISE struct normalise_result few = normalise_paired(one, 1, good, 3, &options);
    assert_int_equal(few.comparison.verdict, VERDICT_UNDECIDED);
    assert_string_equal(few.comparison.reason, "too few values");
    CLEANUP_NORMALISE struct normalise_result none = normalise_paired(NULL, 0, NULL, 0, &options);
    assert_int_equal(none.ratio.state, INTERVAL_TOO_FEW);
    CLEANUP_NORMALISE struct normalise_result nan = normalise_paired(bad, 3, good, 3, &options);
    assert_int_equal(nan.comparison.verdict, VERDICT_UNDECIDED);
    assert_int_equal(nan.ratio.state, INTERVAL_NOT_FINITE);
    CLEANUP_NORMALISE struct normalise_result same = normalise_paired(good, 3, good, 3, &options);
    assert_int_equal(same.comparison.verdict, VERDICT_SAME);
    assert_true(same.ratio.zero_variance);
}

static void make_campaign(struct rng *rng, struct normalise_trial *trials, size_t n, double level)
{
    for (size_t i = 0; i < n; i++)
        trials[i] = (struct normalise_trial)TRIAL(i, level * exp(0.03 * rng_normal(rng)));
}

enum { BLOCKS = 6, SEEDS = 1500 };

/* A/A: cell and baseline are the same; with margin 0 any slower or faster is a false alarm. A/B: a
 * tenth less must be found. */
static void test_false_alarms_and_power(void **state)
{
    (void)state;
    int alarms = 0, found = 0, changes = 0;
    struct normalise_options options = {.resamples = 50};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rng rng;
        rng_init(&rng, seed, 5);
        struct normalise_trial a[BLOCKS], b[BLOCKS], slow[BLOCKS];
        make_campaign(&rng, a, BLOCKS, 7);
        make_campaign(&rng, b, BLOCKS, 7);
        make_campaign(&rng, slow, BLOCKS, 6.3);
        CLEANUP_NORMALISE struct normalise_result same =
            normalise_paired(a, BLOCKS, b, BLOCKS, &options);
        CLEANUP_NORMALISE struct normalise_result slower =
            normalise_paired(slow, BLOCKS, b, BLOCKS, &options);
        alarms += same.comparison.verdict != VERDICT_UNDECIDED;
        found += slower.comparison.verdict == VERDICT_SLOWER;
        changes += normalise_unpaired(a, BLOCKS, b, BLOCKS, &options).comparison.verdict !=
                   VERDICT_UNDECIDED;
    }
    assert_near(alarms / (double)SEEDS, 0.05, 0.017);
    assert_near(changes / (double)SEEDS, 0.05, 0.017);
    assert_true(found > SEEDS * 0.97);
}

/* `same` is claimed by mistake at most (1 - level) / 2 of the time when the truth is the margin. */
static void test_same_is_not_claimed_lightly(void **state)
{
    (void)state;
    int claimed = 0;
    struct normalise_options options = {.margin = 0.05, .resamples = 20};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rng rng;
        rng_init(&rng, seed, 6);
        struct normalise_trial a[BLOCKS], b[BLOCKS];
        make_campaign(&rng, a, BLOCKS, 1.05);
        make_campaign(&rng, b, BLOCKS, 1);
        CLEANUP_NORMALISE struct normalise_result result =
            normalise_paired(a, BLOCKS, b, BLOCKS, &options);
        claimed += result.comparison.verdict == VERDICT_SAME;
    }
    assert_true(claimed <= SEEDS * 0.025 + 3 * sqrt(SEEDS * 0.025));
}

static void test_unpaired_counts(void **state)
{
    (void)state;
    static const struct normalise_trial before[] = {TRIAL(0, 10), TRIAL(1, 10.1), FAILED(2, 3),
                                                    TRIAL(3, 9.9)};
    static const struct normalise_trial after[] = {TRIAL(0, 8), TRIAL(1, 8.1), TRIAL(2, 7.9)};
    struct normalise_options options = {.margin = 0.05};
    struct normalise_change change = normalise_unpaired(before, 4, after, 3, &options);
    assert_int_equal(change.before_count, 3);
    assert_int_equal(change.after_count, 3);
    assert_near(change.ratio.estimate, 0.8, 1e-3);
    assert_int_equal(change.comparison.verdict, VERDICT_SLOWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_performance),
        cmocka_unit_test(test_consolidate),
        cmocka_unit_test(test_paired_by_hand),
        cmocka_unit_test(test_drift_of_the_host_cancels),
        cmocka_unit_test(test_outlier_is_marked_and_counts),
        cmocka_unit_test(test_no_verdict_without_data),
        cmocka_unit_test(test_false_alarms_and_power),
        cmocka_unit_test(test_same_is_not_claimed_lightly),
        cmocka_unit_test(test_unpaired_counts),
    };
    return cmocka_run_group_tests_name("normalise", tests, NULL, NULL);
}
