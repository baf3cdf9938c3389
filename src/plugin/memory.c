/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/memory.h"

#include "base/mem.h"

static const struct cache_shape data_shape = {.line_bits = 6, .sets = 64, .ways = 8};
static const struct cache_shape last_shape = {.line_bits = 6, .sets = 2048, .ways = 16};
static const struct cache_shape page_shape = {.line_bits = 12, .sets = 16, .ways = 4};

struct memory *memory_new(void)
{
    struct memory *memory = mem_zalloc(sizeof(*memory));
    cache_init(&memory->data, &data_shape);
    cache_init(&memory->last, &last_shape);
    cache_init(&memory->pages, &page_shape);
    return memory;
}

void memory_access(struct memory *memory, uint64_t address, uint64_t physical, bool is_ram,
                   uint64_t events[PMU_EVENT_COUNT])
{
    events[PMU_DTLB_MISSES] += !cache_access(&memory->pages, address);
    if (!is_ram || cache_access(&memory->data, physical))
        return;
    events[PMU_L1D_MISSES]++;
    events[PMU_LLC_REFERENCES]++;
    events[PMU_LLC_MISSES] += !cache_access(&memory->last, physical);
}
