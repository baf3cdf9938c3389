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

/* What is looked at whenever the block begins is in one line of the real machine's cache. */
struct block {
    const struct plugin_lane *lanes; /* of all vCPUs */
    uint64_t address;
    uint64_t physical[2]; /* of the first byte, and of the second page's; 0: not known */
    uint16_t instructions;
    uint16_t bytes;       /* of all instructions */
    uint16_t last_offset; /* of the last instruction */
    uint8_t bucket;       /* enum pmu_bucket */
    bool ends_in_branch;  /* the last instruction is a branch of any kind */
    bool is_conditional;  /* and a conditional one */
    bool ends_in_trap;    /* the last instruction completes and raises */
    bool ends_in_repeat;  /* the last instruction is a repeated string instruction */
    const uint8_t *code;  /* the first instruction, where QEMU keeps the machine's memory */
    uint16_t offsets[];   /* of each instruction, from address */
} __attribute__((aligned(64)));

/* All zero; lives as long as QEMU. */
struct block *block_new(unsigned instructions);

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
