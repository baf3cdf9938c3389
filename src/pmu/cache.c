/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/cache.h"

#include <stdlib.h>
#include <string.h>

bool cache_shape_is_valid(const struct cache_shape *shape)
{
    bool is_power = shape->sets && !(shape->sets & (shape->sets - 1));
    return is_power && shape->sets <= 1u << 20 && shape->ways >= 1 && shape->ways <= 64 &&
           shape->line_bits <= 30;
}

void cache_init(struct cache *cache, const struct cache_shape *shape)
{
    *cache = (struct cache){.shape = *shape};
    cache->tags = mem_array((size_t)shape->sets * shape->ways, sizeof(*cache->tags));
}

void cache_done(struct cache *cache)
{
    free(cache->tags);
    *cache = (struct cache){0};
}

void cache_clear(struct cache *cache)
{
    memset(cache->tags, 0, (size_t)cache->shape.sets * cache->shape.ways * sizeof(*cache->tags));
}

/* Each line moves one place back, until the one that is looked for, or the last, has gone. */
bool cache_access_line(struct cache *cache, uint64_t line)
{
    unsigned ways = cache->shape.ways;
    uint64_t *set = cache->tags + (line & (cache->shape.sets - 1)) * ways;
    uint64_t moved = set[0];
    bool hit = moved == line + 1;

    for (unsigned way = 1; way < ways && !hit; way++) {
        uint64_t here = set[way];
        set[way] = moved;
        moved = here;
        hit = here == line + 1;
    }
    set[0] = line + 1;
    return hit;
}
