/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stopping: when a campaign has enough blocks. Either after a fixed number, or at one of the looks
 * that are fixed beforehand, when the interval of every cell is narrow enough at that look's own
 * confidence level (stats/looks.h), so that looking does not bias what is then reported.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"
#include "store/store.h"

#define STOPPING_LEVEL 0.95     /* over all looks together */
#define STOPPING_FIRST_BLOCKS 3 /* the first look */
#define STOPPING_MAX_BLOCKS 30  /* the last one with `ci` where a plan names none */

struct stopping;

struct stopping *stopping_new(const struct plan *plan, const struct plan_cell *cells,
                              size_t cell_count);
/* A trial has been stored; cell is its index into cells. */
void stopping_add(struct stopping *stopping, size_t cell, const struct store_trial *trial);
/* After a whole block: NULL to go on, else why the campaign ends: "blocks", "ci", "max-blocks". */
const char *stopping_check(const struct stopping *stopping, uint64_t blocks_done);
/* The number of blocks after which it ends at the latest. */
uint64_t stopping_max_blocks(const struct stopping *stopping);
uint64_t stopping_plan_max_blocks(const struct plan *plan);
struct stopping *stopping_free(struct stopping *stopping);
