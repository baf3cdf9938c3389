/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/memory.h"

#include "base/mem.h"

static const struct cache_shape data_shape = {
    .line_bits = MEMORY_LINE_BITS, .sets = MEMORY_SETS, .ways = 8};
static const struct cache_shape last_shape = {
    .line_bits = MEMORY_LINE_BITS, .sets = 2048, .ways = 16};
static const struct cache_shape page_shape = {
    .line_bits = MEMORY_PAGE_BITS, .sets = MEMORY_PAGE_SETS, .ways = 4};

/* The virtual and the physical address name the same set. */
_Static_assert(MEMORY_SETS << MEMORY_LINE_BITS == 1 << MEMORY_PAGE_BITS,
               "a page has each set once");

static void clear(uint64_t *recent, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        recent[i] = MEMORY_NONE;
}

struct memory *memory_new(void)
{
    struct memory *memory = mem_zalloc(sizeof(*memory));
    cache_init(&memory->data, &data_shape);
    cache_init(&memory->last, &last_shape);
    cache_init(&memory->pages, &page_shape);
    cache_init(&memory->code, &data_shape);
    cache_init(&memory->code_pages, &page_shape);
    memory->fetched = MEMORY_NONE;
    clear(memory->code_recent.lines, MEMORY_SETS);
    clear(memory->code_recent.pages, MEMORY_PAGE_SETS);
    clear(memory->data_recent.pages, MEMORY_PAGE_SETS);
    memory_forget(memory);
    return memory;
}

struct memory *memory_free(struct memory *memory)
{
    if (!memory)
        return NULL;
    cache_done(&memory->data);
    cache_done(&memory->last);
    cache_done(&memory->pages);
    cache_done(&memory->code);
    cache_done(&memory->code_pages);
    free(memory);
    return NULL;
}

void memory_forget(struct memory *memory)
{
    clear(memory->data_recent.lines, MEMORY_SETS);
    for (unsigned i = 0; i < MEMORY_FRAMES; i++)
        memory->frames[i].page = MEMORY_NONE;
}

static void access_last_level(struct memory *memory, uint64_t physical,
                              uint64_t events[PMU_EVENT_COUNT])
{
    events[PMU_LLC_REFERENCES]++;
    events[PMU_LLC_MISSES] += !cache_access(&memory->last, physical);
}

void memory_access(struct memory *memory, uint64_t address, const struct memory_frame *frame,
                   uint64_t events[PMU_EVENT_COUNT])
{
    uint64_t line = address >> MEMORY_LINE_BITS, page = address >> MEMORY_PAGE_BITS;
    uint64_t physical = frame->physical + address % (1u << MEMORY_PAGE_BITS);
    uint64_t *recent = &memory->data_recent.lines[line % MEMORY_SETS];

    memory->data_recent.pages[page % MEMORY_PAGE_SETS] = page;
    events[PMU_DTLB_MISSES] += !cache_access(&memory->pages, address);
    if (frame->physical == MEMORY_DEVICE || *recent == line)
        return;
    *recent = line;
    if (cache_access(&memory->data, physical))
        return;
    events[PMU_L1D_MISSES]++;
    access_last_level(memory, physical, events);
}

/* Fetches a line that is not the last one. */
static void fetch_line(struct memory *memory, uint64_t address, uint64_t physical,
                       uint64_t events[PMU_EVENT_COUNT])
{
    uint64_t line = address >> MEMORY_LINE_BITS, page = address >> MEMORY_PAGE_BITS;

    memory->fetched = line;
    memory->code_recent.lines[line % MEMORY_SETS] = physical >> MEMORY_LINE_BITS;
    memory->code_recent.pages[page % MEMORY_PAGE_SETS] = page;
    events[PMU_L1I_REFERENCES]++;
    events[PMU_ITLB_MISSES] += !cache_access(&memory->code_pages, address);
    if (cache_access(&memory->code, physical))
        return;
    events[PMU_L1I_MISSES]++;
    access_last_level(memory, physical, events);
}

void memory_fetch(struct memory *memory, const struct memory_block *block,
                  uint64_t events[PMU_EVENT_COUNT])
{
    uint64_t page = block->address >> MEMORY_PAGE_BITS;
    uint64_t line = block->address >> MEMORY_LINE_BITS;
    uint64_t last = (block->address + block->bytes - 1) >> MEMORY_LINE_BITS;
    for (; line <= last; line++) {
        uint64_t address = line << MEMORY_LINE_BITS;
        uint64_t frame = block->frames[address >> MEMORY_PAGE_BITS > page];
        uint64_t inside = address % (1u << MEMORY_PAGE_BITS);
        if (line != memory->fetched)
            fetch_line(memory, address, (frame << MEMORY_PAGE_BITS) + inside, events);
    }
}
