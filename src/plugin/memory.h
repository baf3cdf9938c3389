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

struct memory {
    struct cache data, last, pages, code, code_pages;
    uint64_t fetched; /* virtual line + 1 of the last fetch, 0: none */
    uint64_t recent;  /* virtual line + 1 of the last access, 0: none */
    struct predictor predictor;
};

struct memory_block {
    uint64_t address, bytes;
    uint64_t physical[2];
};

struct memory *memory_new(void);

/* A load or store of another line than the last one: physical is where it went, false in is_ram: a
 * device, which no cache holds. Adds the misses to events. */
void memory_access(struct memory *memory, uint64_t address, uint64_t physical, bool is_ram,
                   uint64_t events[PMU_EVENT_COUNT]);

/* Fetches the bytes of a block: physical is where its first byte is, next where its second page
 * begins when it has one. */
void memory_fetch(struct memory *memory, const struct memory_block *block,
                  uint64_t events[PMU_EVENT_COUNT]);

/* True when the access is to the line of the last one, and so misses nothing. */
static inline bool memory_is_recent(struct memory *memory, uint64_t address)
{
    uint64_t line = (address >> 6) + 1;
    bool same = line == memory->recent;
    memory->recent = line;
    return same;
}
