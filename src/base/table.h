/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * table: a hash table of items of one size, each of which begins with its key. Keys are compared
 * byte by byte, so a key has no padding.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct table {
    size_t count;
    /* Private. */
    size_t item_bytes;
    size_t key_bytes;
    size_t slots; /* a power of two, or 0 */
    unsigned char *items;
    bool *used;
};

/* item_bytes is a sizeof, so that items are aligned. */
void table_init(struct table *table, size_t item_bytes, size_t key_bytes);
/* NULL: there is none. Items stay where they are until one is added or removed. */
void *table_find(const struct table *table, const void *key);
/* A new item, zero behind its key, which must not be there yet. */
void *table_add(struct table *table, const void *key) __attribute__((returns_nonnull));
/* One that is not there is no error. */
void table_remove(struct table *table, const void *key);
/* The item after this one, in no order; of NULL the first. NULL: there are no more. */
void *table_next(const struct table *table, const void *item);
/* Removes all items that are not wanted. */
void table_keep(struct table *table, bool (*is_wanted)(const void *item, void *context),
                void *context);
void table_done(struct table *table);
#define CLEANUP_TABLE CLEANUP(table_done)
