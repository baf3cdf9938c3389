/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cache: a set-associative cache, least recently used line replaced, by physical address; with
 * pages for lines it is a TLB. The line that its set used last needs no look-up: it is in, and an
 * access changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct cache_shape {
    unsigned line_bits; /* log2 of the bytes in a line, at most 30 */
    unsigned sets;      /* a power of two, at most 2^20 */
    unsigned ways;      /* 1 .. 64 */
};

struct cache {
    struct cache_shape shape;
    uint64_t *tags; /* sets * ways, most recently used first in each set; line + 1, 0: empty */
};

/* False when the shape is not one of the above. */
bool cache_shape_is_valid(const struct cache_shape *shape);

void cache_init(struct cache *cache, const struct cache_shape *shape);
void cache_done(struct cache *cache);

/* Looks the line up behind the first of its set, fetching it when it is not in. */
bool cache_access_line(struct cache *cache, uint64_t line);

/* True when this is the line that its set used last. */
static inline bool cache_is_recent(const struct cache *cache, uint64_t address)
{
    uint64_t line = address >> cache->shape.line_bits;
    return cache->tags[(line & (cache->shape.sets - 1)) * cache->shape.ways] == line + 1;
}

/* True when the address hits. */
static inline bool cache_access(struct cache *cache, uint64_t address)
{
    return cache_is_recent(cache, address) ||
           cache_access_line(cache, address >> cache->shape.line_bits);
}

/* Forgets everything: a TLB on a change of address space. */
void cache_clear(struct cache *cache);
