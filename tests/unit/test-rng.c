/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/rng.h"

/* The reference implementation's first outputs from the state {1, 2, 3, 4}. */
static void test_reference_sequence(void **state)
{
    (void)state;
    struct rng rng = {.state = {1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rng_next(&rng), expected[i]);
}

static void test_streams_differ(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_init(&a, 7, 0);
    rng_init(&b, 7, 1);
    rng_init(&c, 7, 0);
    uint64_t first = rng_next(&a);
    assert_int_not_equal(first, rng_next(&b));
    assert_int_equal(first, rng_next(&c));
}

static void test_moments(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 42, 0);
    enum { N = 200000 };
    double normal = 0, square = 0, exponential = 0;
    size_t counts[7] = {0};
    for (int i = 0; i < N; i++) {
        double x = rng_normal(&rng);
        normal += x;
        square += x * x;
        exponential += rng_exponential(&rng, 10);
        counts[rng_below(&rng, 7)]++;
    }
    assert_near(normal / N, 0, 0.01);
    assert_near(square / N, 1, 0.02);
    assert_near(exponential / N, 10, 0.15);
    for (size_t i = 0; i < 7; i++)
        assert_near((double)counts[i], N / 7.0, 800);
}

static void test_shuffle_is_permutation(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3, 0);
    size_t items[100], seen[100] = {0};
    for (size_t i = 0; i < 100; i++)
        items[i] = i;
    rng_shuffle(&rng, items, 100);
    for (size_t i = 0; i < 100; i++)
        seen[items[i]]++;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_sequence),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_shuffle_is_permutation),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
