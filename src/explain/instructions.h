/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * instructions: a budget of instructions in place of time. Pure. docs/explain.md has the
 * definitions.
 */
#pragma once

#include "explain/budget.h"

/* BUDGET_INSTRUCTIONS, BUDGET_HOST or BUDGET_COUNTED. What is not known of the trial is NaN. */
struct budget instructions_budget(const struct store_trial *trial, enum budget_measure measure);

/* The processor's counters of a budget may have had to share the hardware, and are scaled up then:
 * the least share of its time in which one of them had it. 1: none had to; also where the trial has
 * none of these counters. */
double instructions_counted_share(const struct store_trial *trial);

/* Does the measure divide instructions? */
bool instructions_are_measured(enum budget_measure measure);
