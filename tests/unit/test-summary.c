/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "stats/summary.h"

/* Hyndman-Fan definition 7 by hand: position (n - 1) q. */
static void test_quantile(void **state)
{
    (void)state;
    static const double sorted[] = {1, 2, 4, 8};
    assert_near(summary_quantile(sorted, 4, 0), 1, 0);
    assert_near(summary_quantile(sorted, 4, 0.25), 1.75, 1e-15);
    assert_near(summary_quantile(sorted, 4, 0.5), 3, 1e-15);
    assert_near(summary_quantile(sorted, 4, 0.9), 6.8, 1e-14);
    assert_near(summary_quantile(sorted, 4, 1), 8, 0);
    assert_true(isnan(summary_quantile(sorted, 0, 0.5)));
    assert_true(isnan(summary_quantile(sorted, 4, 1.1)));
}

/* Many ties and none, every size up to 40: bit for bit what sorting gives. */
static void test_selected_quantile_is_that_of_sorting(void **state)
{
    (void)state;
    static const double shares[] = {0, 0.025, 0.31, 0.5, 0.975, 1};
    struct rng rng;
    rng_init(&rng, 1, 2);
    for (size_t n = 1; n <= 40; n++)
        for (uint64_t kinds = 1; kinds <= 64; kinds *= 8) {
            double values[40];
            for (size_t i = 0; i < n; i++)
                values[i] = (double)rng_below(&rng, kinds) / 7;
            CLEANUP_FREE double *sorted = summary_sort(values, n);
            for (size_t i = 0; i < COUNT_OF(shares); i++)
                assert_true(summary_select_quantile(values, n, shares[i]) ==
                            summary_quantile(sorted, n, shares[i]));
        }
    assert_true(isnan(summary_select_quantile(NULL, 0, 0.5)));
}

static void test_summary(void **state)
{
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct summary summary = summary_of(values, 8);
    assert_int_equal(summary.n, 8);
    assert_near(summary.mean, 5, 0);
    assert_near(summary.sd, sqrt(32.0 / 7), 1e-14);
    assert_near(summary.median, 4.5, 0);
    assert_near(summary.mad, 0.5, 0);
    assert_near(summary.min, 2, 0);
    assert_near(summary.max, 9, 0);
}

/* 7 digits in common, standard deviation exactly 0.1, as in NIST's numerical accuracy data. */
static void test_variance_keeps_digits(void **state)
{
    (void)state;
    double values[1001] = {1000000.2};
    for (int i = 1; i < 1001; i++)
        values[i] = i % 2 ? 1000000.1 : 1000000.3;
    struct moments moments = summary_moments(values, 1001);
    assert_near(moments.mean, 1000000.2, 1e-9);
    assert_near(sqrt(moments.variance), 0.1, 1e-10);
}

static void test_equal_values_have_no_variance(void **state)
{
    (void)state;
    static const double values[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    assert_near(summary_moments(values, 7).variance, 0, 0);
    assert_near(summary_moments(values, 7).mean, 0.1, 0);
    assert_int_equal(summary_of(values, 7).outliers, 0);
}

static void test_outliers_are_marked(void **state)
{
    (void)state;
    static const double values[] = {10.1, 9.9, 10, 10.2, 25, 9.8, 10};
    bool marks[7];
    assert_int_equal(summary_mark_outliers(values, 7, marks), 1);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(marks[i], i == 4);
    struct summary summary = summary_of(values, 7);
    assert_int_equal(summary.outliers, 1);
    assert_int_equal(summary.n, 7);
    assert_near(summary.max, 25, 0);
}

static void test_outliers_when_most_are_equal(void **state)
{
    (void)state;
    double values[20];
    for (size_t i = 0; i < 20; i++)
        values[i] = 5;
    values[3] = 9;
    bool marks[20];
    assert_int_equal(summary_mark_outliers(values, 20, marks), 1);
    assert_true(marks[3]);
}

static void test_degenerate(void **state)
{
    (void)state;
    static const double bad[] = {1, NAN, 3, 4, 5, 600};
    bool marks[6];
    assert_int_equal(summary_mark_outliers(bad, 6, marks), 0);
    assert_false(summary_of(bad, 6).finite);
    assert_true(isnan(summary_of(bad, 6).mean));
    assert_true(isnan(summary_of(NULL, 0).median));
    struct summary one = summary_of(bad, 1);
    assert_near(one.mean, 1, 0);
    assert_true(isnan(one.sd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_selected_quantile_is_that_of_sorting),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_variance_keeps_digits),
        cmocka_unit_test(test_equal_values_have_no_variance),
        cmocka_unit_test(test_outliers_are_marked),
        cmocka_unit_test(test_outliers_when_most_are_equal),
        cmocka_unit_test(test_degenerate),
    };
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
