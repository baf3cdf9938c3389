/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * predictor: the branch predictor of the model: gshare (S. McFarling, Combining Branch Predictors,
 * DEC WRL TN-36, 1993). A table of two-bit counters, indexed by the branch's address xor the
 * outcomes of the last branches. Targets, calls and returns are taken as always predicted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PREDICTOR_BITS = 12 };

/* Zeroed: every counter says strongly not taken, no history. */
struct predictor {
    uint32_t history;
    uint8_t counters[1 << PREDICTOR_BITS];
};

/* Tells the outcome of the conditional branch at this address; returns true when it had been
 * predicted otherwise. False in counts: it is no such branch, and nothing happens; without a jump,
 * since what a program does is nothing that the real processor foresees. */
static inline bool predictor_resolve(struct predictor *predictor, uint64_t address, bool taken,
                                     bool counts)
{
    enum { MASK = (1 << PREDICTOR_BITS) - 1, STRONGLY_TAKEN = 3, WEAKLY_TAKEN = 2 };
    uint8_t *counter = &predictor->counters[(address ^ predictor->history) & MASK];
    unsigned count = *counter;
    unsigned up = counts & taken & (count < STRONGLY_TAKEN);
    unsigned down = counts & !taken & (count > 0);

    *counter = (uint8_t)(count + up - down);
    predictor->history = ((predictor->history << counts) | (counts & taken)) & MASK;
    return counts & ((count >= WEAKLY_TAKEN) != taken);
}
