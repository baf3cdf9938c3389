/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "stats/steady.h"

enum { N = 300 };

static struct steady series(uint64_t seed, double (*level)(size_t), double noise)
{
    double values[N];
    struct rng rng;
    rng_init(&rng, seed, 1);
    for (size_t i = 0; i < N; i++)
        values[i] = level(i) + noise * rng_normal(&rng);
    return steady_of(values, N, NULL);
}

static double flat(size_t i)
{
    (void)i;
    return 100;
}

static double warming(size_t i)
{
    return 100 * (1 - exp(-(double)i / 12));
}

static double falling(size_t i)
{
    return 100 - 0.08 * (double)i;
}

static double creeping(size_t i)
{
    return 100 + 0.005 * (double)i; /* 1.5 % over the whole series: significant, but too little */
}

static double late(size_t i)
{
    return i < N * 2 / 3 ? (double)i : 200; /* settles only beyond the first half */
}

static void test_flat_is_steady(void **state)
{
    (void)state;
    int drifting = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct steady steady = series(seed, flat, 5);
        drifting += steady.verdict != STEADY_SETTLED;
        assert_near(steady.mean, 100, 2);
    }
    assert_true(drifting <= 6); /* alpha 0.01, and most trends are below the tolerance */
}

static void test_warm_up_is_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct steady steady = series(seed, warming, 2);
        assert_int_equal(steady.verdict, STEADY_SETTLED);
        assert_in_range(steady.warm_up, 25, 145);
        assert_int_equal(steady.batch, 5);
        assert_near(steady.mean, 100, 1);
    }
}

static void test_drift_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        assert_int_equal(series(seed, falling, 3).verdict, STEADY_DRIFTING);
        assert_int_equal(series(seed, late, 3).verdict, STEADY_DRIFTING);
    }
    struct steady exact = series(1, falling, 0);
    assert_int_equal(exact.verdict, STEADY_DRIFTING);
    assert_string_equal(steady_verdict_text(exact.verdict), "drifting");
    assert_true(exact.reason[0]);
}

static void test_small_trend_is_steady(void **state)
{
    (void)state;
    struct steady steady = series(3, creeping, 0.1);
    assert_true(steady.p_value < 0.01);
    assert_int_equal(steady.verdict, STEADY_SETTLED);
    assert_near(steady.change, 0.015, 0.008);
}

static void test_too_short_and_bad(void **state)
{
    (void)state;
    double values[N] = {0};
    assert_int_equal(steady_of(values, STEADY_MIN_VALUES - 1, NULL).verdict, STEADY_TOO_SHORT);
    assert_int_equal(steady_of(values, N, NULL).verdict, STEADY_SETTLED); /* all 0 */
    values[7] = NAN;
    assert_int_equal(steady_of(values, N, NULL).verdict, STEADY_TOO_SHORT);
}

static void test_long_series(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    double *values = mem_array(MANY, sizeof(*values));
    struct rng rng;
    rng_init(&rng, 1, 1);
    for (size_t i = 0; i < MANY; i++)
        values[i] = 50 + rng_normal(&rng);
    assert_int_equal(steady_of(values, MANY, NULL).verdict, STEADY_SETTLED);
    free(values);
}

/* S by hand. 1..5: S = 10, variance 50/3, z = 9 / 4.082. With the ties 1 1 2 3 3: S = 8, variance
 * (300 - 18 - 18) / 18 = 44/3, z = 7 / 3.830. */
static void test_mann_kendall_by_hand(void **state)
{
    (void)state;
    static const double rising[] = {1, 2, 3, 4, 5}, tied[] = {1, 1, 2, 3, 3},
                        equal[] = {4, 4, 4, 4};
    assert_near(steady_trend_p_value(rising, 5), 0.0274863, 1e-6);
    assert_near(steady_trend_p_value(tied, 5), 0.0675773, 1e-6);
    assert_near(steady_trend_p_value(equal, 4), 1, 0);
    assert_true(isnan(steady_trend_p_value(rising, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_is_steady),       cmocka_unit_test(test_warm_up_is_cut),
        cmocka_unit_test(test_drift_is_found),       cmocka_unit_test(test_small_trend_is_steady),
        cmocka_unit_test(test_too_short_and_bad),    cmocka_unit_test(test_long_series),
        cmocka_unit_test(test_mann_kendall_by_hand),
    };
    return cmocka_run_group_tests_name("steady", tests, NULL, NULL);
}
