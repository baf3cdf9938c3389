/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/predictor.h"

enum { TABLE_MASK = (1 << PREDICTOR_BITS) - 1, STRONGLY_TAKEN = 3, WEAKLY_TAKEN = 2 };

bool predictor_resolve(struct predictor *predictor, uint64_t address, bool taken)
{
    uint8_t *counter = &predictor->counters[(address ^ predictor->history) & TABLE_MASK];
    bool predicted = *counter >= WEAKLY_TAKEN;

    if (taken && *counter < STRONGLY_TAKEN)
        ++*counter;
    if (!taken && *counter > 0)
        --*counter;
    predictor->history = (predictor->history << 1 | taken) & TABLE_MASK;
    return predicted != taken;
}
