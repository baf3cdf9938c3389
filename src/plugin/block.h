/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * block: what is known of one translation block, to make counts exact.
 *
 * A block adds its whole content to the counts when it begins, which is cheap, but it can be left
 * in the middle: by a fault, a VM exit, an interrupted string instruction, or an instruction that
 * the adapter emulates. Then what was not executed is taken back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pmu/event.h"
#include "plugin/decode.h"

struct plugin_lane;

/* What is looked at only now and then. */
struct block_details {
    const uint8_t *code; /* the first instruction, where QEMU keeps the machine's memory */
    uint16_t offsets[];  /* of each instruction, from address */
};

/* What is looked at whenever the block begins: kept dense, since the blocks of a kernel at work do
 * not fit into the real machine's first caches. */
struct block {
    const struct plugin_lane *lanes; /* of all vCPUs */
    uint64_t address;
    uint32_t frames[2]; /* physical address / 4096 of its page, and of its second one; 0: unknown */
    uint16_t instructions;
    uint16_t bytes;          /* of all instructions */
    uint16_t last_offset;    /* of the last instruction */
    uint8_t bucket;          /* enum pmu_bucket */
    bool ends_in_branch : 1; /* the last instruction is a branch of any kind */
    bool is_conditional : 1; /* and a conditional one */
    bool ends_in_trap : 1;   /* the last instruction completes and raises */
    bool ends_in_repeat : 1; /* the last instruction is a repeated string instruction */
};
_Static_assert(sizeof(struct block) == 32, "two blocks in a line of a cache");

/* Where one thread's blocks come from; they live as long as QEMU. */
struct block_arena {
    const struct plugin_lane *lanes; /* of all vCPUs */
    struct block_chunk *chunk;
    unsigned used;
};

enum { BLOCK_CHUNK_BYTES = 1 << 16, BLOCK_CHUNK_BLOCKS = BLOCK_CHUNK_BYTES / 32 - 1 };

/* Begins at a multiple of its size, so that a block knows where it is. */
struct block_chunk {
    const struct block_details **details; /* BLOCK_CHUNK_BLOCKS */
    uint64_t unused[3];
    struct block blocks[BLOCK_CHUNK_BLOCKS];
};

/* All zero but for lanes and details, whose content is the caller's to fill. */
struct block *block_new(struct block_arena *arena, const struct block_details *details);
struct block_details *block_new_details(unsigned instructions);

const struct block_details *block_details(const struct block *block);

/* Number of the instruction that begins at this address; -1: none. */
int block_find(const struct block *block, uint64_t address);

struct block_rest {
    unsigned instructions, branches;
};

/* What remains when the instructions from this one on were not executed. */
struct block_rest block_rest_from(const struct block *block, int index);

/* What a synchronous exception or exit at this address leaves unexecuted. */
struct block_rest block_rest_at_fault(const struct block *block, uint64_t address);

/* The same for an interrupt, which comes between instructions, or in a string instruction. */
struct block_rest block_rest_at_interrupt(const struct block *block, uint64_t address);
