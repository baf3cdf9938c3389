/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_table.h"

#include <string.h>

#include "base/mem.h"

uint64_t exits_key_pack(const struct exits_key *key)
{
    uint64_t upper = (uint64_t)key->isa << EXITS_KEY_ISA_SHIFT | key->process;
    return upper << 32 | key->reason;
}

struct exits_key exits_key_unpack(uint64_t packed)
{
    const uint32_t upper = (uint32_t)(packed >> 32);
    return (struct exits_key){
        .process = upper & ((UINT32_C(1) << EXITS_KEY_ISA_SHIFT) - 1),
        .isa = upper >> EXITS_KEY_ISA_SHIFT,
        .reason = (uint32_t)packed,
    };
}

uint32_t exits_thread_bucket(uint64_t thread)
{
    return thread % EXITS_THREAD_BUCKETS;
}

uint32_t exits_sum_bucket(uint64_t packed)
{
    uint64_t mixed =
        (packed >> 32) * EXITS_HASH_PROCESS + (packed & UINT32_MAX) * EXITS_HASH_REASON;
    return (mixed >> EXITS_HASH_SHIFT) % EXITS_SUM_BUCKETS;
}

/* Programs put a key down a moment after they have counted it. */
void exits_table_update(struct exits_table *table)
{
    uint64_t made = __atomic_load_n(table->made, __ATOMIC_ACQUIRE);
    for (; table->taken < made; table->taken++) {
        uint64_t *at = &table->list[table->taken % EXITS_LIST_KEYS];
        uint64_t key = __atomic_exchange_n(at, 0, __ATOMIC_ACQ_REL);
        if (!key)
            return;
        MEM_GROW(table->keys, table->count, table->capacity);
        table->keys[table->count++] = key;
    }
}

void *exits_table_find(const struct exits_table *table, uint64_t key)
{
    uint8_t *place = table->places + table->bucket_of(key) * table->ways * table->place_bytes;
    for (unsigned i = 0; i < table->ways; i++, place += table->place_bytes)
        if (__atomic_load_n((uint64_t *)(void *)place, __ATOMIC_ACQUIRE) == key)
            return place;
    return NULL;
}

static void give_up(const struct exits_table *table, uint8_t *place)
{
    memset(place + sizeof(uint64_t), 0, table->place_bytes - sizeof(uint64_t));
    __atomic_store_n((uint64_t *)(void *)place, 0, __ATOMIC_RELEASE);
}

void exits_table_keep(struct exits_table *table,
                      bool (*is_wanted)(const void *place, void *context), void *context)
{
    size_t kept = 0;
    exits_table_update(table);
    for (size_t i = 0; i < table->count; i++) {
        void *place = exits_table_find(table, table->keys[i]);
        if (place && !is_wanted(place, context))
            give_up(table, place);
        else
            table->keys[kept++] = table->keys[i];
    }
    table->count = kept;
}
