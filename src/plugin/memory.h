/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * memory: the caches and the TLB behind one vCPU. A model with stated shapes, not a processor: 32
 * KiB first-level data cache (8 ways), 2 MiB last-level cache of its own (16 ways), both with
 * 64-byte lines and physical addresses; a data TLB of 64 pages (4 ways) by virtual address, which
 * is not told of changes of address space. The same for instructions: a first-level cache of 32 KiB
 * (8 ways) in front of the same last level, and a TLB of 64 pages; a block fetches each line that
 * it is in once, and a line that the block before has just fetched is no reference.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pmu/cache.h"
#include "pmu/event.h"
#include "pmu/predictor.h"

enum {
    MEMORY_LINE_BITS = 6,
    MEMORY_PAGE_BITS = 12,
    MEMORY_SETS = 64, /* of a first-level cache: a line's set is told by its place in its page */
    MEMORY_PAGE_SETS = 16, /* of a TLB */
    MEMORY_FRAMES = 128,
};
#define MEMORY_NONE UINT64_MAX   /* no line, no page */
#define MEMORY_DEVICE UINT64_MAX /* a physical address that no cache holds */

/* Where a page of the address space is. */
struct memory_frame {
    uint64_t page;     /* virtual address / 4096 */
    uint64_t physical; /* of its first byte */
};

/* What each set of a first-level cache and of its TLB used last: to use it again changes nothing,
 * and most accesses are such. */
struct memory_recent {
    uint64_t lines[MEMORY_SETS];      /* data: virtual; code: physical */
    uint64_t pages[MEMORY_PAGE_SETS]; /* virtual */
};

struct memory {
    struct memory_recent data_recent, code_recent;
    uint64_t fetched; /* the virtual line of the last fetch */
    struct cache data, last, pages, code, code_pages;
    struct memory_frame frames[MEMORY_FRAMES];
    struct predictor predictor;
};

struct memory_block {
    uint64_t address, bytes;
    uint32_t frames[2]; /* physical address / 4096 of its page, and of its second one */
};

struct memory *memory_new(void);
struct memory *memory_free(struct memory *memory);

/* The address space may be another one from now on. The TLBs are not told (see above). */
void memory_forget(struct memory *memory);

/* True when an access misses nothing and changes nothing in the model. */
static inline bool memory_is_settled(const struct memory *memory, uint64_t address)
{
    uint64_t line = address >> MEMORY_LINE_BITS, page = address >> MEMORY_PAGE_BITS;
    return memory->data_recent.lines[line % MEMORY_SETS] == line &&
           memory->data_recent.pages[page % MEMORY_PAGE_SETS] == page;
}

/* The place for the frame of this address: it is there if its page is the address'; if not, the
 * caller fills it. */
static inline struct memory_frame *memory_find_frame(struct memory *memory, uint64_t address)
{
    return &memory->frames[(address >> MEMORY_PAGE_BITS) % MEMORY_FRAMES];
}

/* A load or store that is not settled, in this frame. Adds the misses to events. */
void memory_access(struct memory *memory, uint64_t address, const struct memory_frame *frame,
                   uint64_t events[PMU_EVENT_COUNT]);

/* Fetches the lines of a block. Adds references and misses to events. */
void memory_fetch(struct memory *memory, const struct memory_block *block,
                  uint64_t events[PMU_EVENT_COUNT]);

/* The same for a block of one or two lines in a page, which their sets used last: most are. False,
 * and nothing is done: it is no such block. Which line was the last fetch is nothing that the real
 * processor foresees, so there is no jump for it. */
static inline bool memory_fetch_recent(struct memory *memory, uint64_t address, uint64_t bytes,
                                       uint32_t frame, uint64_t events[PMU_EVENT_COUNT])
{
    enum { PAGE_LINES_BITS = MEMORY_PAGE_BITS - MEMORY_LINE_BITS };
    const struct memory_recent *recent = &memory->code_recent;
    uint64_t line = address >> MEMORY_LINE_BITS, page = address >> MEMORY_PAGE_BITS;
    uint64_t last = (address + bytes - 1) >> MEMORY_LINE_BITS;
    uint64_t base = (uint64_t)frame << PAGE_LINES_BITS;
    unsigned first_set = line % MEMORY_SETS, last_set = last % MEMORY_SETS;
    if ((last - line > 1) | (last >> PAGE_LINES_BITS != page) |
        (recent->lines[first_set] != base + first_set) |
        (recent->lines[last_set] != base + last_set) |
        (recent->pages[page % MEMORY_PAGE_SETS] != page))
        return false;
    events[PMU_L1I_REFERENCES] += (line != memory->fetched) + (last - line);
    memory->fetched = last;
    return true;
}
