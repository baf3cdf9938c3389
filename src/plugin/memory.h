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

/* The bytes of a block: physical is where its first byte is, and where its second page begins when
 * it has one. */
struct memory_block {
    uint64_t address, bytes;
    uint64_t physical[2];
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

/* Fetches a line that is not the last one, and not settled in cache and TLB. */
void memory_fetch_line(struct memory *memory, uint64_t address, uint64_t physical,
                       uint64_t events[PMU_EVENT_COUNT]);

/* Fetches the lines of a block. Adds references and misses to events. */
static inline void memory_fetch(struct memory *memory, const struct memory_block *block,
                                uint64_t events[PMU_EVENT_COUNT])
{
    const uint64_t page_bytes = 1u << MEMORY_PAGE_BITS;
    uint64_t page = block->address >> MEMORY_PAGE_BITS;
    uint64_t line = block->address >> MEMORY_LINE_BITS;
    uint64_t last = (block->address + block->bytes - 1) >> MEMORY_LINE_BITS;
    for (; line <= last; line++) {
        if (line == memory->fetched)
            continue;
        uint64_t address = line << MEMORY_LINE_BITS, own = address >> MEMORY_PAGE_BITS;
        uint64_t base = block->physical[own != page] & ~(page_bytes - 1);
        uint64_t physical = base + (address & (page_bytes - 1));
        memory->fetched = line;
        events[PMU_L1I_REFERENCES]++;
        if (memory->code_recent.lines[line % MEMORY_SETS] != physical >> MEMORY_LINE_BITS ||
            memory->code_recent.pages[own % MEMORY_PAGE_SETS] != own)
            memory_fetch_line(memory, address, physical, events);
    }
}
