/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/rng.h"
#include "stats/interval.h"
#include "stats/looks.h"

static void assert_schedule(uint64_t first, uint64_t max, const uint64_t *expected, size_t count)
{
    struct looks looks;
    assert_int_equal(looks_init(&looks, first, max, 0.95), 0);
    assert_int_equal(looks.count, count);
    double spent = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(looks.blocks[i], expected[i]);
        spent += 1 - looks.levels[i];
    }
    assert_near(spent, 0.05, 1e-12);
}

static void test_schedules(void **state)
{
    (void)state;
    static const uint64_t twenty[] = {3, 5, 8, 12, 20},
                          hundred[] = {3, 5, 8, 12, 18, 27, 41, 62, 100};
    static const uint64_t three[] = {3}, four[] = {3, 4}, two[] = {2};
    assert_schedule(3, 20, twenty, COUNT_OF(twenty));
    assert_schedule(3, 100, hundred, COUNT_OF(hundred));
    assert_schedule(3, 3, three, 1);
    assert_schedule(7, 3, three, 1);
    assert_schedule(3, 4, four, 2);
    assert_schedule(0, 2, two, 1);
}

static void test_no_schedule_overflows(void **state)
{
    (void)state;
    struct looks looks;
    assert_int_equal(looks_init(&looks, 2, 1000000000, 0.95), 0);
    assert_true(looks.count < LOOKS_MAX);
    for (uint64_t max = 2; max < 400; max++) {
        for (uint64_t first = 0; first < 12; first++) {
            assert_int_equal(looks_init(&looks, first, max, 0.95), 0);
            assert_int_equal(looks.blocks[looks.count - 1], max);
            for (size_t i = 1; i < looks.count; i++)
                assert_true(looks.blocks[i] > looks.blocks[i - 1]);
        }
    }
    assert_int_equal(looks_init(&looks, 3, 1, 0.95), -EINVAL);
    assert_int_equal(looks_init(&looks, 3, UINT64_MAX, 0.95), -EINVAL);
    assert_int_equal(looks_init(&looks, 3, 20, 1), -EINVAL);
}

/* alpha = 0.05 x blocks since the last look / 20 */
static void test_levels(void **state)
{
    (void)state;
    struct looks looks;
    assert_int_equal(looks_init(&looks, 3, 20, 0.95), 0);
    assert_near(looks_level_at(&looks, 3), 1 - 0.0075, 1e-12);
    assert_near(looks_level_at(&looks, 5), 1 - 0.005, 1e-12);
    assert_near(looks_level_at(&looks, 20), 1 - 0.02, 1e-12);
    assert_near(looks_level_at(&looks, 2), 1 - 0.005, 1e-12); /* before the first */
    assert_near(looks_level_at(&looks, 10), 1 - 0.005,
                1e-12); /* budget ended it between 8 and 12 */
    assert_near(looks_level_at(&looks, 25), 1 - 0.02, 1e-12);
    assert_true(isnan(looks_level_at(&looks, 0)));
}

static struct interval of_width(double half)
{
    return (struct interval){.n = 5, .estimate = 1, .lo = 1 - half, .hi = 1 + half};
}

static void test_decisions(void **state)
{
    (void)state;
    struct looks looks;
    assert_int_equal(looks_init(&looks, 3, 20, 0.95), 0);
    struct interval ratios[] = {of_width(0.01), of_width(0.03)};
    assert_int_equal(looks_read(&looks, 5, ratios, 2, 0.05).decision, LOOKS_NARROW);
    assert_int_equal(looks_read(&looks, 5, ratios, 2, 0.02).decision, LOOKS_GO_ON);
    assert_int_equal(looks_read(&looks, 5, ratios, 2, 0.02).wide, 1);
    assert_near(looks_read(&looks, 5, ratios, 2, 0.02).worst_width, 0.03, 1e-12);
    assert_int_equal(looks_read(&looks, 6, ratios, 2, 0.05).decision, LOOKS_NOT_NOW);
    assert_int_equal(looks_read(&looks, 20, ratios, 2, 0.02).decision, LOOKS_LAST);
    assert_int_equal(looks_read(&looks, 5, ratios, 2, 0).decision, LOOKS_GO_ON);
    ratios[0] = interval_student(NULL, 0, 0.95); /* a cell without good trials keeps it going */
    assert_int_equal(looks_read(&looks, 5, ratios, 2, 0.05).decision, LOOKS_GO_ON);
}

struct campaign {
    double first_wrong; /* share of campaigns in which the interval at the stop missed the truth */
    double ever_wrong;  /* ... in which any look did, stopped or not */
    double naive_wrong; /* any look with an ordinary 95 % interval */
};

/* A/A campaigns: the log ratio is 0, and each stops at the first look with a narrow interval. */
static struct campaign simulate(int seeds, double width)
{
    struct campaign result = {0};
    struct looks looks;
    assert_int_equal(looks_init(&looks, 3, 20, 0.95), 0);
    for (int seed = 0; seed < seeds; seed++) {
        struct rng rng;
        rng_init(&rng, (uint64_t)seed, 99);
        double logs[20];
        for (size_t i = 0; i < 20; i++)
            logs[i] = 0.05 * rng_normal(&rng);
        bool stopped = false, ever = false, naive = false;
        for (size_t k = 0; k < looks.count; k++) {
            struct interval log_ratio = interval_student(logs, looks.blocks[k], looks.levels[k]);
            struct interval plain = interval_student(logs, looks.blocks[k], 0.95);
            struct interval ratio = interval_exp(log_ratio);
            bool wrong = log_ratio.lo > 0 || log_ratio.hi < 0;
            ever = ever || wrong;
            naive = naive || plain.lo > 0 || plain.hi < 0;
            enum looks_decision decision =
                looks_read(&looks, looks.blocks[k], &ratio, 1, width).decision;
            if (!stopped && (decision == LOOKS_NARROW || decision == LOOKS_LAST)) {
                stopped = true;
                result.first_wrong += wrong;
            }
        }
        assert_true(stopped);
        result.ever_wrong += ever;
        result.naive_wrong += naive;
    }
    result.first_wrong /= seeds;
    result.ever_wrong /= seeds;
    result.naive_wrong /= seeds;
    return result;
}

static void test_error_over_all_looks(void **state)
{
    (void)state;
    int seeds = getenv("VTAX_LONG") ? 200000 : 6000;
    double slack = 3 * sqrt(0.05 * 0.95 / seeds);
    static const double widths[] = {0.02, 0.04, 0.08};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        struct campaign campaign = simulate(seeds, widths[i]);
        assert_true(campaign.first_wrong <= 0.05 + slack);
        assert_true(campaign.ever_wrong <= 0.05 + slack);
        assert_true(campaign.ever_wrong > 0.03);  /* no needless width either */
        assert_true(campaign.naive_wrong > 0.10); /* what all this is for */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_no_schedule_overflows),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_error_over_all_looks),
    };
    return cmocka_run_group_tests_name("looks", tests, NULL, NULL);
}
