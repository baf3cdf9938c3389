/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reasons: what exits cost by their reason. The causes that are made of exits, looked at more
 * closely: never added to them. Pure.
 */
#pragma once

#include <stdint.h>

#include "explain/budget.h"
#include "explain/explained.h"

#define REASONS_MAX 8

struct reason_cost {
    char name[48];  /* "npf-mmio" */
    uint64_t count; /* exits in all trials */
    struct explained cost;
};

/* A trial of the cell, divided, and by what its shares become shares of the baseline. */
struct reasons_trial {
    const struct store_trial *trial;
    double whole;
    double slowdown;
};

/* Fills the dearest, which cost anything, in that order, and returns how many; 0 also where a trial
 * has no exits. Of time a halt is no cost. The kernel's part and that in user space are together.
 */
size_t reasons_of(const struct reasons_trial *trials, size_t count, enum budget_measure measure,
                  double level, struct reason_cost out[REASONS_MAX]);
