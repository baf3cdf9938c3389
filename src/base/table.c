/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/table.h"

#include <stdint.h>
#include <string.h>

#define SLOTS_FIRST 16

void table_init(struct table *table, size_t item_bytes, size_t key_bytes)
{
    *table = (struct table){.item_bytes = item_bytes, .key_bytes = key_bytes};
}

static unsigned char *item_at(const struct table *table, size_t slot)
{
    return table->items + slot * table->item_bytes;
}

/* FNV-1a, its upper half on top of its lower one. */
static size_t home_of(const struct table *table, const void *key)
{
    const unsigned char *bytes = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < table->key_bytes; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ (hash >> 32)) & (table->slots - 1);
}

/* Where this key is, or would be. */
static size_t slot_of(const struct table *table, const void *key)
{
    size_t slot = home_of(table, key);
    while (table->used[slot] && memcmp(item_at(table, slot), key, table->key_bytes) != 0)
        slot = (slot + 1) & (table->slots - 1);
    return slot;
}

void *table_find(const struct table *table, const void *key)
{
    if (table->count == 0)
        return NULL;
    size_t slot = slot_of(table, key);
    return table->used[slot] ? item_at(table, slot) : NULL;
}

static void *put(struct table *table, const void *item, size_t bytes)
{
    size_t slot = slot_of(table, item);
    unsigned char *to = item_at(table, slot);
    memset(to, 0, table->item_bytes);
    memcpy(to, item, bytes);
    table->used[slot] = true;
    table->count++;
    return to;
}

/* Into other slots, without what is not wanted. */
static void move(struct table *table, size_t slots,
                 bool (*is_wanted)(const void *item, void *context), void *context)
{
    struct table old = *table;
    table->slots = slots;
    table->count = 0;
    table->items = mem_array(slots, table->item_bytes);
    table->used = mem_array(slots, sizeof(table->used[0]));
    for (size_t i = 0; i < old.slots; i++)
        if (old.used[i] && (!is_wanted || is_wanted(item_at(&old, i), context)))
            put(table, item_at(&old, i), table->item_bytes);
    table_done(&old);
}

/* At most three quarters are full, so that a search is short and ends. */
void *table_add(struct table *table, const void *key)
{
    if ((table->count + 1) * 4 > table->slots * 3)
        move(table, table->slots ? table->slots * 2 : SLOTS_FIRST, NULL, NULL);
    return put(table, key, table->key_bytes);
}

/* What lies behind it moves up, unless that would put it before its home. */
void table_remove(struct table *table, const void *key)
{
    if (!table_find(table, key))
        return;
    size_t mask = table->slots - 1, hole = slot_of(table, key);
    for (size_t slot = (hole + 1) & mask; table->used[slot]; slot = (slot + 1) & mask) {
        size_t home = home_of(table, item_at(table, slot));
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue;
        memcpy(item_at(table, hole), item_at(table, slot), table->item_bytes);
        hole = slot;
    }
    table->used[hole] = false;
    table->count--;
}

void *table_next(const struct table *table, const void *item)
{
    size_t slot =
        item ? (size_t)((const unsigned char *)item - table->items) / table->item_bytes + 1 : 0;
    while (slot < table->slots && !table->used[slot])
        slot++;
    return slot < table->slots ? item_at(table, slot) : NULL;
}

void table_keep(struct table *table, bool (*is_wanted)(const void *item, void *context),
                void *context)
{
    if (table->count)
        move(table, table->slots, is_wanted, context);
}

void table_done(struct table *table)
{
    free(table->items);
    free(table->used);
    table_init(table, table->item_bytes, table->key_bytes);
}
