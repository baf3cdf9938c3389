/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Expected values: 40-digit evaluation of the defining integrals (mpmath), and printed tables.
 */
#include "test.h"

#include "stats/distribution.h"

#define assert_relative(a, b, relative) assert_near(a, b, fabs(b) * (relative))

static void test_student_tail(void **state)
{
    (void)state;
    static const struct {
        double t, df, tail;
    } rows[] = {
        {1, 1, 0.25},
        {2.5, 2.7, 0.048539707221467335},
        {12.7, 1, 0.02501216384467208},
        {0.01, 5, 0.49620400902129095},
        {3, 19, 0.0036808620919343208},
        {40, 4, 1.1670081613006343e-6},
        {6, 1000, 1.3776845866887346e-9},
        {2, 1e6, 0.022750266925659604},
        {1e-5, 3, 0.4999963244740306},
        {1e8, 2, 4.9999999999999992e-17},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double tolerance = rows[i].df > 1e5 ? 1e-10 : 1e-12;
        assert_relative(distribution_student_cdf(-rows[i].t, rows[i].df), rows[i].tail, tolerance);
        assert_relative(distribution_student_cdf(rows[i].t, rows[i].df), 1 - rows[i].tail,
                        tolerance);
        assert_relative(distribution_student_two_sided(-rows[i].t, rows[i].df), 2 * rows[i].tail,
                        tolerance);
    }
    assert_near(distribution_student_cdf(0, 3), 0.5, 0);
    assert_near(distribution_student_cdf(1e300, 3), 1, 0);
    assert_relative(distribution_student_cdf(-1.5, INFINITY), distribution_normal_cdf(-1.5), 1e-14);
}

static void test_student_quantile(void **state)
{
    (void)state;
    static const struct {
        double p, df, t;
    } rows[] = {
        {0.975, 1, 12.706204736174693},   {0.975, 2, 4.3026527297494618},
        {0.975, 10, 2.2281388519862742},  {0.995, 19, 2.8609346064649788},
        {0.9995, 4, 8.6103015813795228},  {1e-12, 3, -10331.108244292486},
        {0.999, 2.5, 13.82219311086596},  {0.5001, 7, 0.00025974603090254504},
        {0.975, 1e5, 1.9599877075346093}, {0.99625, 2, 11.481951723946964},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_relative(distribution_student_quantile(rows[i].p, rows[i].df), rows[i].t, 1e-11);
}

/* The table that every textbook prints: t(0.975) for 1..10, 20, 30, 120 degrees of freedom. */
static void test_student_printed_table(void **state)
{
    (void)state;
    static const double dfs[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 120};
    static const double printed[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                     2.306,  2.262, 2.228, 2.086, 2.042, 1.980};
    for (size_t i = 0; i < sizeof(dfs) / sizeof(dfs[0]); i++)
        assert_near(distribution_student_quantile(0.975, dfs[i]), printed[i], 0.0005);
}

static void test_gamma(void **state)
{
    (void)state;
    static const struct {
        double a, x, lower, upper;
    } rows[] = {
        {0.5, 0.1, 0.34527915398142298, 0.65472084601857702},
        {1, 2, 0.86466471676338731, 0.13533528323661269},
        {3.3, 9.7, 0.99460530483795108, 0.0053946951620489229},
        {100, 80, 0.017108313035133114, 0.98289168696486689},
        {100, 140, 0.99983894282528744, 0.00016105717471255586},
        {5000, 5100, 0.92067111892238102, 0.079328881077618977},
        {5e5, 5.01e5, 0.92128133861387037, 0.078718661386129633},
        {1e-3, 1e-8, 0.98231397935384694, 0.017686020646153065},
        {16, 16, 0.53325510861227925, 0.46674489138772075},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_relative(distribution_gamma_lower(rows[i].a, rows[i].x), rows[i].lower, 1e-11);
        assert_relative(distribution_gamma_upper(rows[i].a, rows[i].x), rows[i].upper, 1e-11);
    }
}

static void test_beta(void **state)
{
    (void)state;
    static const struct {
        double a, b, x, lower, upper;
    } rows[] = {
        {0.5, 0.5, 0.3, 0.36901011956554538, 0.63098988043445462},
        {2, 3, 0.5, 0.6875, 0.3125},
        {20, 40, 0.25, 0.079704159770258664, 0.92029584022974134},
        {1000, 1000, 0.52, 0.96322051672136043, 0.036779483278639569},
        {1e5, 0.5, 0.99999, 0.15729868816242578, 0.84270131183757422},
        {0.01, 4, 1e-9, 0.82781382745922164, 0.17218617254077836},
        {50, 2, 0.999, 0.99876590960688292, 0.0012340903931170847},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_relative(distribution_beta(rows[i].a, rows[i].b, rows[i].x), rows[i].lower, 1e-11);
        /* 1 - x is rounded, hence the wider tolerance */
        assert_relative(distribution_beta(rows[i].b, rows[i].a, 1 - rows[i].x), rows[i].upper,
                        rows[i].x < 1e-6 ? 2e-9 : 1e-10);
    }
}

static void test_normal(void **state)
{
    (void)state;
    assert_relative(distribution_normal_quantile(0.975), 1.9599639845400545, 1e-14);
    assert_relative(distribution_normal_quantile(0.3), -0.52440051270804089, 1e-14);
    assert_relative(distribution_normal_quantile(1e-5), -4.2648907939228246, 1e-14);
    assert_relative(distribution_normal_quantile(1e-300), -37.047096299361199, 1e-14);
    assert_near(distribution_normal_quantile(0.5), 0, 0);
    assert_true(isinf(distribution_normal_quantile(1)));
    assert_relative(distribution_normal_cdf(-1.9599639845400545), 0.025, 1e-14);
}

static void test_chi_square(void **state)
{
    (void)state;
    static const struct {
        double p, df, x;
    } rows[] = {
        {0.95, 1, 3.8414588206941245},       {0.95, 12, 21.026069817483062},
        {0.05, 12, 5.2260294883926404},      {1e-10, 3, 5.2093976214344803e-7},
        {0.999, 100, 149.44925277903871},    {0.5, 1000, 999.33341240338097},
        {0.01, 0.3, 5.8483672404031867e-14},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_relative(distribution_chi_square_quantile(rows[i].p, rows[i].df), rows[i].x, 1e-11);
    assert_relative(distribution_chi_square_survival(2 * 3.0, 2), exp(-3.0), 1e-13);
}

static void test_quantiles_invert(void **state)
{
    (void)state;
    static const double dfs[] = {0.3, 1, 1.5, 2, 3, 7.25, 19, 100, 12345, 1e6};
    static const double shares[] = {1e-200, 1e-15, 1e-6, 0.001, 0.05,    0.3,
                                    0.49,   0.5,   0.7,  0.99,  0.999999};
    for (size_t i = 0; i < sizeof(dfs) / sizeof(dfs[0]); i++) {
        for (size_t j = 0; j < sizeof(shares) / sizeof(shares[0]); j++) {
            double p = shares[j], df = dfs[i];
            double t = distribution_student_quantile(p, df);
            if (isfinite(t)) /* 1e-200 at 0.3 degrees of freedom lies beyond double */
                assert_relative(distribution_student_cdf(t, df), p, 1e-9);
            double x = distribution_chi_square_quantile(p, df);
            if (x > 1e-300)
                assert_relative(distribution_chi_square_cdf(x, df), p, 1e-9);
        }
    }
}

static void test_domain(void **state)
{
    (void)state;
    assert_true(isnan(distribution_student_quantile(1.5, 3)));
    assert_true(isnan(distribution_student_quantile(0.5, 0)));
    assert_true(isnan(distribution_student_quantile(NAN, 3)));
    assert_true(isnan(distribution_student_cdf(1, -1)));
    assert_true(isnan(distribution_chi_square_quantile(-0.1, 3)));
    assert_true(isnan(distribution_chi_square_survival(1, 0)));
    assert_true(isnan(distribution_gamma_lower(-1, 1)));
    assert_true(isnan(distribution_beta(1, 1, 1.1)));
    assert_near(distribution_chi_square_survival(-1, 3), 1, 0);
    assert_near(distribution_beta(2, 3, 1), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student_tail),
        cmocka_unit_test(test_student_quantile),
        cmocka_unit_test(test_student_printed_table),
        cmocka_unit_test(test_gamma),
        cmocka_unit_test(test_beta),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_chi_square),
        cmocka_unit_test(test_quantiles_invert),
        cmocka_unit_test(test_domain),
    };
    return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
