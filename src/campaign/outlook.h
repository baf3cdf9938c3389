/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * outlook: how far a campaign is and how long it still takes: the plan's estimate for cells that
 * have not run yet, the mean of what they took for those that have.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

struct outlook {
    size_t done;  /* trials */
    size_t total; /* at most, when the campaign may stop early */
    size_t cell_count;
    uint64_t blocks;
    struct outlook_cell *cells;
};

/* trials_done: by earlier runs of the same campaign. */
void outlook_init(struct outlook *outlook, const struct plan *plan, const struct plan_cell *cells,
                  size_t cell_count, uint64_t blocks, size_t trials_done);
void outlook_add(struct outlook *outlook, size_t cell, uint64_t took_ns);
/* 0..1 */
double outlook_share(const struct outlook *outlook);
uint64_t outlook_left_ns(const struct outlook *outlook);
void outlook_done(struct outlook *outlook);
