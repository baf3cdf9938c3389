/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Our side of the tables that programs share with us; what they write is written here. That they
 * find the same buckets, test-exits.c shows with programs.
 */
#include "test.h"

#include <string.h>

#include "base/mem.h"
#include "probe/exits_table.h"

struct shared {
    struct exits_place places[EXITS_SUM_BUCKETS][EXITS_SUM_WAYS];
    uint64_t list[EXITS_LIST_KEYS];
    uint64_t made;
};

static struct exits_table table_of(struct shared *shared)
{
    return (struct exits_table){
        .place_bytes = sizeof(struct exits_place),
        .ways = EXITS_SUM_WAYS,
        .bucket_of = exits_sum_bucket,
        .places = (uint8_t *)shared->places,
        .list = shared->list,
        .made = &shared->made,
    };
}

/* As a program does; false: there is no room. */
static bool claim(struct shared *shared, uint64_t key)
{
    struct exits_place *bucket = shared->places[exits_sum_bucket(key)];
    for (unsigned i = 0; i < EXITS_SUM_WAYS; i++)
        if (bucket[i].key == 0) {
            bucket[i].key = key;
            bucket[i].sum.count = 1;
            shared->list[shared->made++ % EXITS_LIST_KEYS] = key;
            return true;
        }
    return false;
}

static uint64_t key_of(uint32_t process, uint32_t reason)
{
    const struct exits_key key = {.process = process, .isa = 2, .reason = reason};
    return exits_key_pack(&key);
}

static void test_keys(void **state)
{
    (void)state;
    const struct exits_key keys[] = {
        {1, 1, 0}, {4194304, 2, 0xffffffff}, {4194303, 1, 48}, {2, 2, 0x20000 | 0x7c}};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        uint64_t packed = exits_key_pack(&keys[i]);
        struct exits_key again = exits_key_unpack(packed);
        assert_true(packed != 0);
        assert_memory_equal(&again, &keys[i], sizeof(again));
    }
}

/* A thousand machines with their usual reasons, and many threads, find room. */
static void test_buckets_are_filled_evenly(void **state)
{
    (void)state;
    CLEANUP_FREE struct shared *shared = mem_zalloc(sizeof(*shared));
    CLEANUP_FREE uint8_t *threads = mem_zalloc(EXITS_THREAD_BUCKETS);
    static const uint32_t reasons[] = {0x60,  0x61,    0x64,  0x72,  0x78, 0x7b, 0x7c, 0x2007c,
                                       0x400, 0x10400, 0x401, 0x402, 0x81, 0x8d, 0x40, 0x77};
    for (uint32_t step = 1; step < 100; step += 7) {
        memset(shared, 0, sizeof(*shared));
        for (uint32_t i = 0; i < 1000; i++)
            for (size_t j = 0; j < COUNT_OF(reasons); j++)
                assert_true(claim(shared, key_of(1000 + i * step, reasons[j])));
    }
    for (uint64_t thread = 1000; thread < 1000 + 4 * 4096; thread++)
        assert_true(threads[exits_thread_bucket(thread)]++ < EXITS_THREAD_WAYS);
}

static bool is_even(const void *place, void *context)
{
    unsigned *looked = context;
    ++*looked;
    return exits_key_unpack(((const struct exits_place *)place)->key).process % 2 == 0;
}

static void test_new_and_gone(void **state)
{
    (void)state;
    CLEANUP_FREE struct shared *shared = mem_zalloc(sizeof(*shared));
    struct exits_table table = table_of(shared);
    unsigned looked = 0;
    exits_table_update(&table);
    assert_int_equal(table.count, 0);
    for (uint32_t process = 1; process <= 10; process++)
        assert_true(claim(shared, key_of(process, 0x72)));
    exits_table_keep(&table, is_even, &looked);
    assert_int_equal(looked, 10);
    assert_int_equal(table.count, 5);
    assert_null(exits_table_find(&table, key_of(1, 0x72)));
    const struct exits_place *two = exits_table_find(&table, key_of(2, 0x72));
    assert_non_null(two);
    assert_int_equal(two->sum.count, 1);
    assert_true(claim(shared, key_of(1, 0x72)));
    exits_table_update(&table);
    assert_int_equal(table.count, 6);
    assert_true(table.keys[5] == key_of(1, 0x72));
    free(table.keys);
}

/* A program has counted a key, and is about to put it down. */
static void test_a_key_that_is_late(void **state)
{
    (void)state;
    CLEANUP_FREE struct shared *shared = mem_zalloc(sizeof(*shared));
    struct exits_table table = table_of(shared);
    for (uint32_t process = 1; process <= 3; process++)
        assert_true(claim(shared, key_of(process, 0x72)));
    shared->list[1] = 0;
    exits_table_update(&table);
    assert_int_equal(table.count, 1);
    shared->list[1] = key_of(2, 0x72);
    exits_table_update(&table);
    assert_int_equal(table.count, 3);
    free(table.keys);
}

/* The list is written round and round. */
static void test_many_come_and_go(void **state)
{
    (void)state;
    CLEANUP_FREE struct shared *shared = mem_zalloc(sizeof(*shared));
    struct exits_table table = table_of(shared);
    unsigned looked = 0;
    for (uint32_t i = 0; i < 3 * EXITS_LIST_KEYS; i++) {
        assert_true(claim(shared, key_of(1, i)));
        if (i % 1000 == 999)
            exits_table_keep(&table, is_even, &looked);
    }
    exits_table_keep(&table, is_even, &looked);
    assert_int_equal(table.count, 0);
    assert_int_equal(looked, 3 * EXITS_LIST_KEYS);
    for (size_t i = 0; i < EXITS_LIST_KEYS; i++)
        assert_int_equal(shared->list[i], 0);
    free(table.keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_buckets_are_filled_evenly),
        cmocka_unit_test(test_new_and_gone),
        cmocka_unit_test(test_a_key_that_is_late),
        cmocka_unit_test(test_many_come_and_go),
    };
    return cmocka_run_group_tests_name("exits-table", tests, NULL, NULL);
}
