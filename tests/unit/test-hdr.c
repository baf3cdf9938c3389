/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/rng.h"
#include "stats/hdrseries.h"
#include "stats/summary.h"

static uint64_t random_value(struct rng *rng)
{
    return rng_next(rng) >> rng_below(rng, 64);
}

static void test_every_value_has_a_narrow_bucket(void **state)
{
    (void)state;
    for (unsigned digits = 1; digits <= HDR_DIGITS_MAX; digits++) {
        CLEANUP_HDR struct hdr hdr = {0};
        assert_int_equal(hdr_init(&hdr, &(struct hdr_options){.digits = digits}), 0);
        struct rng rng;
        rng_init(&rng, 1, digits);
        for (int i = 0; i < 2000; i++) {
            uint64_t value = i < 3 ? UINT64_MAX - (uint64_t)i : random_value(&rng);
            hdr_reset(&hdr);
            hdr_record(&hdr, value);
            struct hdr_bucket bucket = {0};
            assert_true(hdr_next(&hdr, &bucket));
            assert_true(bucket.lowest <= value && value <= bucket.highest);
            assert_true((double)(bucket.highest - bucket.lowest) <=
                        (double)bucket.lowest * pow(10, -(double)digits));
            assert_false(hdr_next(&hdr, &bucket));
        }
    }
}

static void test_quantiles_against_sorted_values(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double values[N];
    CLEANUP_HDR struct hdr hdr = {0};
    assert_int_equal(hdr_init(&hdr, NULL), 0);
    struct rng rng;
    rng_init(&rng, 2, 0);
    for (size_t i = 0; i < N; i++) {
        uint64_t value = (uint64_t)rng_exponential(&rng, 1e7);
        values[i] = (double)value;
        hdr_record(&hdr, value);
    }
    CLEANUP_FREE double *sorted = summary_sort(values, N);
    static const double shares[] = {0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        size_t rank = (size_t)ceil(shares[i] * N - 1e-9);
        double exact = sorted[rank ? rank - 1 : 0];
        double got = (double)hdr_quantile(&hdr, shares[i]);
        assert_true(got >= exact && got <= exact * 1.001 + 1);
    }
    assert_near((double)hdr_quantile(&hdr, 1), sorted[N - 1], 0);
    struct summary summary = summary_of(values, N);
    assert_near(hdr_mean(&hdr), summary.mean, summary.mean * 1e-4);
    assert_near(hdr_sd(&hdr), summary.sd, summary.sd * 1e-3);
    assert_near((double)hdr.min, summary.min, 0);
}

static void test_rank_is_not_rounded_up(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr hdr = {0};
    assert_int_equal(hdr_init(&hdr, NULL), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        hdr_record(&hdr, i);
    for (unsigned i = 1; i <= 1000; i++)
        assert_int_equal(hdr_quantile(&hdr, i / 1000.0), i);
    assert_int_equal(hdr_quantile(&hdr, 0), 1);
    assert_int_equal(hdr_count_to(&hdr, 250), 250);
    assert_int_equal(hdr_count_to(&hdr, 0), 0);
}

static void test_parts_add_up(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr whole = {0}, sum = {0};
    assert_int_equal(hdr_init(&whole, NULL), 0);
    assert_int_equal(hdr_init(&sum, NULL), 0);
    for (uint64_t part = 0; part < 4; part++) {
        CLEANUP_HDR struct hdr hdr = {0};
        assert_int_equal(hdr_init(&hdr, NULL), 0);
        struct rng rng;
        rng_init(&rng, 3, part);
        for (int i = 0; i < 1000; i++) {
            uint64_t value = random_value(&rng);
            hdr_record_n(&hdr, value, part);
            hdr_record_n(&whole, value, part);
        }
        assert_int_equal(hdr_add(&sum, &hdr), 0);
    }
    assert_int_equal(sum.count, 6000);
    assert_int_equal(sum.min, whole.min);
    assert_int_equal(sum.max, whole.max);
    assert_memory_equal(sum.counts, whole.counts, whole.size * sizeof(*whole.counts));
    CLEANUP_HDR struct hdr other = {0};
    assert_int_equal(hdr_init(&other, &(struct hdr_options){.digits = 2}), 0);
    assert_int_equal(hdr_add(&sum, &other), -EINVAL);
}

static void test_empty(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr hdr = {0};
    assert_int_equal(hdr_init(&hdr, NULL), 0);
    struct hdr_bucket bucket = {0};
    assert_false(hdr_next(&hdr, &bucket));
    assert_int_equal(hdr_quantile(&hdr, 0.5), 0);
    assert_true(isnan(hdr_mean(&hdr)) && isnan(hdr_sd(&hdr)));
    hdr_record(&hdr, 77);
    hdr_reset(&hdr);
    assert_false(hdr_next(&hdr, &bucket));
    assert_int_equal(hdr.count, 0);
}

static void test_unit(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr hdr = {0};
    assert_int_equal(hdr_init(&hdr, &(struct hdr_options){.digits = 2, .unit = 20000}), 0);
    hdr_record(&hdr, 16383); /* the unit is 16384 */
    hdr_record(&hdr, 16384);
    struct hdr_bucket bucket = {0};
    assert_true(hdr_next(&hdr, &bucket));
    assert_int_equal(bucket.highest, 16383);
    assert_true(hdr_next(&hdr, &bucket));
    assert_int_equal(bucket.lowest, 16384);
    assert_int_equal(bucket.count_to, 2);
}

static void test_refused_options(void **state)
{
    (void)state;
    struct hdr hdr;
    assert_int_equal(hdr_init(&hdr, &(struct hdr_options){.digits = 6}), -EINVAL);
    assert_int_equal(hdr_init(&hdr, &(struct hdr_options){.unit = UINT64_MAX}), -EINVAL);
}

/* Two threads' series, with keys that come and go, against a histogram for each key. */
static void test_series(void **state)
{
    (void)state;
    enum { KEYS = 7, THREADS = 2 };
    struct hdr_series series[THREADS];
    struct hdr truth[KEYS];
    struct rng rng;
    rng_init(&rng, 3, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(hdr_series_init(&series[i], NULL), 0);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(hdr_init(&truth[i], NULL), 0);
    for (int i = 0; i < 4000; i++) {
        /* Key 5 stays empty; the one before last comes back now and then. */
        uint64_t key = (uint64_t)i / 1000 + (i % 97 == 0 ? 3 : 0);
        key = key == 5 ? 6 : key;
        uint64_t value = random_value(&rng);
        hdr_series_record(&series[i % THREADS], key * 1000, value);
        hdr_record(&truth[key], value);
    }
    uint64_t key = 0, seen = 0;
    for (int i = 0; i < THREADS; i++)
        hdr_series_pack(&series[i]);
    for (; hdr_series_find(&series[0], key, &key); key++, seen++) {
        CLEANUP_HDR struct hdr sum = {0};
        assert_int_equal(hdr_init(&sum, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            hdr_series_add(&series[i], key, &sum);
        const struct hdr *expected = &truth[key / 1000];
        assert_int_equal(sum.count, expected->count);
        assert_int_equal(sum.min, expected->min);
        assert_int_equal(sum.max, expected->max);
        assert_memory_equal(sum.counts, expected->counts, sum.size * sizeof(sum.counts[0]));
    }
    assert_int_equal(seen, KEYS - 1);
    for (int i = 0; i < THREADS; i++)
        hdr_series_done(&series[i]);
    for (int i = 0; i < KEYS; i++)
        hdr_done(&truth[i]);
}

/* A count of more than 32 bits. */
static void test_series_holds_many(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr sum = {0};
    struct hdr_series series;
    uint64_t many = (UINT64_C(3) << 32) + 5;
    assert_int_equal(hdr_init(&sum, NULL), 0);
    assert_int_equal(hdr_series_init(&series, NULL), 0);
    hdr_record_n(&series.now, 1000, many);
    hdr_series_pack(&series);
    hdr_series_pack(&series); /* nothing new */
    assert_int_equal(series.part_count, 1);
    hdr_series_add(&series, 0, &sum);
    assert_int_equal(sum.count, many);
    hdr_series_done(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_has_a_narrow_bucket),
        cmocka_unit_test(test_quantiles_against_sorted_values),
        cmocka_unit_test(test_rank_is_not_rounded_up),
        cmocka_unit_test(test_parts_add_up),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_unit),
        cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_series_holds_many),
    };
    return cmocka_run_group_tests_name("hdr", tests, NULL, NULL);
}
