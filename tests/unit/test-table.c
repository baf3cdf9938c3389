/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/rng.h"
#include "base/table.h"

#define KEYS 300
#define STEPS 20000

struct item {
    uint32_t key;
    uint32_t value;
};

static void test_empty(void **state)
{
    (void)state;
    CLEANUP_TABLE struct table table;
    const uint32_t key = 7;
    table_init(&table, sizeof(struct item), sizeof(key));
    assert_null(table_find(&table, &key));
    assert_null(table_next(&table, NULL));
    table_remove(&table, &key);
    table_keep(&table, NULL, NULL);
    assert_int_equal(table.count, 0);
}

static void assert_same(const struct table *table, const uint32_t values[KEYS])
{
    size_t count = 0, walked = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        const struct item *item = table_find(table, &key);
        assert_int_equal(item ? item->value : 0, values[key]);
        count += item != NULL;
    }
    for (const struct item *item = table_next(table, NULL); item; item = table_next(table, item))
        walked += values[item->key] == item->value;
    assert_int_equal(table->count, count);
    assert_int_equal(walked, count);
}

/* Against an array: what is added is found, what is removed is not, and nothing else moves. */
static void test_add_and_remove(void **state)
{
    (void)state;
    CLEANUP_TABLE struct table table;
    uint32_t values[KEYS] = {0};
    struct rng rng;
    rng_init(&rng, 1, 0);
    table_init(&table, sizeof(struct item), sizeof(uint32_t));
    for (uint32_t step = 1; step <= STEPS; step++) {
        uint32_t key = (uint32_t)(rng_next(&rng) % KEYS);
        if (values[key]) {
            table_remove(&table, &key);
            values[key] = 0;
        } else {
            struct item *item = table_add(&table, &key);
            assert_int_equal(item->value, 0);
            item->value = values[key] = step;
        }
        if (step % 500 == 0)
            assert_same(&table, values);
    }
}

static bool is_even(const void *item, void *context)
{
    (*(size_t *)context)++;
    return ((const struct item *)item)->key % 2 == 0;
}

static void test_keep(void **state)
{
    (void)state;
    CLEANUP_TABLE struct table table;
    uint32_t values[KEYS] = {0};
    size_t asked = 0;
    table_init(&table, sizeof(struct item), sizeof(uint32_t));
    for (uint32_t key = 0; key < KEYS; key++) {
        ((struct item *)table_add(&table, &key))->value = key + 1;
        values[key] = key % 2 == 0 ? key + 1 : 0;
    }
    table_keep(&table, is_even, &asked);
    assert_int_equal(asked, KEYS);
    assert_same(&table, values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_add_and_remove),
        cmocka_unit_test(test_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
