/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tests of fit: chi-square and Kolmogorov-Smirnov.
 */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "stats/chisquare.h"
#include "stats/ks.h"

/* Mendel's peas (1866), 9 : 3 : 3 : 1, the textbook example: chi-square 0.470, p 0.925. */
static void test_chi_square_published(void **state)
{
    (void)state;
    static const uint64_t peas[] = {315, 108, 101, 32};
    static const double shares[] = {9, 3, 3, 1};
    struct chisquare result = chisquare_of(peas, shares, 4);
    assert_int_equal(result.total, 556);
    assert_near(result.statistic, 0.470024, 5e-7);
    assert_near(result.p_value, 0.925426, 5e-7);
    assert_near(result.df, 3, 0);
    assert_near(result.least_expected, 34.75, 1e-12);
    assert_false(result.sparse);
    assert_int_equal(result.worst, 3);
}

static void test_chi_square_edges(void **state)
{
    (void)state;
    static const uint64_t counts[] = {5, 0, 5};
    struct chisquare result = chisquare_of(counts, (double[]){1, 0, 1}, 3);
    assert_near(result.df, 1, 0);
    assert_near(result.p_value, 1, 0);
    result = chisquare_of(counts, (double[]){1, 1, 0}, 3);
    assert_true(isinf(result.statistic));
    assert_near(result.p_value, 0, 0);
    assert_int_equal(result.worst, 2);
    assert_true(chisquare_of(counts, (double[]){1, 3, 1}, 3).sparse);
    assert_true(isnan(chisquare_of(counts, (double[]){1, -1, 1}, 3).p_value));
    assert_true(isnan(chisquare_of(counts, (double[]){1, NAN, 1}, 3).p_value));
    assert_true(isnan(chisquare_of(counts, (double[]){1, 0, 0}, 3).p_value));
    assert_true(isnan(chisquare_of((uint64_t[]){0, 0}, (double[]){1, 1}, 2).p_value));
}

/* The distribution of the statistic itself: Marsaglia, Tsang and Wang's printed value, the 5 %
 * points of Miller's table (JASA 51, 1956) to the digits printed, and scipy.stats.kstwo. */
static void test_ks_distribution(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        double d, survival, tolerance;
    } rows[] = {
        {10, 0.274, 1 - 0.6284796154565, 1e-12},
        {5, 0.56328, 0.05, 5e-6},
        {20, 0.29408, 0.05, 1e-5},
        {100, 0.13403, 0.05, 1e-5},
        {3, 0.3, 0.8862222222222222, 1e-12},
        {140, 0.1, 0.11353657290090946, 1e-10},
        {1000, 0.0217, 0.7255005666745886, 1e-4},
        {500, 0.06, 0.05243463489026223, 1e-4},
        {1000, 0.04, 0.07933956059000224, 1e-4},
        {5000, 0.02, 0.03613941395325637, 1e-4},
        {10000, 0.0136, 0.04903580807632146, 1e-4},
        {20, 0.6, 2.0483011649719853e-07, 2e-8},
        {7, 0.01, 1, 0},
        {7, 1, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_near(1 - ks_distribution(rows[i].n, rows[i].d), rows[i].survival, rows[i].tolerance);
    assert_true(isnan(ks_distribution(0, 0.5)));
}

static void test_ks_never_falls(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 9, 60, 140, 141, 1000, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        double before = 0;
        for (int step = 0; step <= 80; step++) {
            double now = ks_distribution(sizes[i], step * 0.04 / sqrt((double)sizes[i]));
            assert_true(now >= before - 2e-4 && now <= 1);
            before = now;
        }
        assert_near(ks_distribution(sizes[i], 1), 1, 0);
    }
}

static double exponential(double x, const void *mean)
{
    return x <= 0 ? 0 : -expm1(-x / *(const double *)mean);
}

static void test_ks_statistic_by_hand(void **state)
{
    (void)state;
    const double values[] = {log(4), log(4.0 / 3)}; /* cdf 3/4 and 1/4 */
    double mean = 1;
    struct ks ks = ks_of(values, 2, exponential, &mean);
    assert_near(ks.statistic, 0.25, 1e-12);
    assert_near(ks.p_value, 1, 1e-9); /* the smallest that two values can give */
    static const double bad[] = {1, NAN};
    assert_true(isnan(ks_of(bad, 2, exponential, &mean).p_value));
    assert_true(isnan(ks_of(bad, 0, exponential, &mean).p_value));
}

static double rejected(double true_mean, size_t n, int seeds)
{
    double mean = 10, *values = mem_array(n, sizeof(*values));
    int rejected = 0;
    for (int seed = 0; seed < seeds; seed++) {
        struct rng rng;
        rng_init(&rng, (uint64_t)seed, n);
        for (size_t i = 0; i < n; i++)
            values[i] = rng_exponential(&rng, true_mean);
        rejected += ks_of(values, n, exponential, &mean).p_value < 0.05;
    }
    free(values);
    return rejected / (double)seeds;
}

static void test_ks_false_alarms_and_power(void **state)
{
    (void)state;
    assert_near(rejected(10, 25, 1500), 0.05, 0.017);
    assert_near(rejected(10, 2000, 400), 0.05, 0.033);
    assert_true(rejected(12, 2000, 100) > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chi_square_published),
        cmocka_unit_test(test_chi_square_edges),
        cmocka_unit_test(test_ks_distribution),
        cmocka_unit_test(test_ks_never_falls),
        cmocka_unit_test(test_ks_statistic_by_hand),
        cmocka_unit_test(test_ks_false_alarms_and_power),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
