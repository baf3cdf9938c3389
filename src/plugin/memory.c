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
    cache_init(&memory->code, &data_shape);
    cache_init(&memory->code_pages, &page_shape);
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

static void fetch_line(struct memory *memory, uint64_t address, uint64_t physical,
                       uint64_t events[PMU_EVENT_COUNT])
{
    events[PMU_L1I_REFERENCES]++;
    events[PMU_ITLB_MISSES] += !cache_access(&memory->code_pages, address);
    if (cache_access(&memory->code, physical))
        return;
    events[PMU_L1I_MISSES]++;
    events[PMU_LLC_REFERENCES]++;
    events[PMU_LLC_MISSES] += !cache_access(&memory->last, physical);
}

void memory_fetch(struct memory *memory, const struct memory_block *block,
                  uint64_t events[PMU_EVENT_COUNT])
{
    enum { LINE_BITS = 6, LINE = 1 << LINE_BITS, PAGE = 4096 };
    uint64_t first = block->address >> LINE_BITS;
    uint64_t last = (block->address + block->bytes - 1) >> LINE_BITS;
    for (uint64_t line = first; line <= last; line++) {
        uint64_t address = line << LINE_BITS;
        bool second = address / PAGE != block->address / PAGE && line != first;
        uint64_t physical = second
                                ? block->physical[1] + address % PAGE
                                : block->physical[0] - block->physical[0] % PAGE + address % PAGE;
        if (line + 1 != memory->fetched)
            fetch_line(memory, address, physical, events);
        memory->fetched = line + 1;
    }
}
