/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * attribution: a gap to native, divided into causes and a remainder. Pure.
 *
 * Every value is of one pair of trials (machine minus native), all in the unit of the gap. The
 * remainder is taken pair by pair, so that it has an interval of its own and the estimates of the
 * causes and the remainder sum to the estimate of the gap. Formulas and assumptions:
 * docs/explain.md.
 */
#pragma once

#include <stddef.h>

#include "stats/interval.h"

struct attribution_cause {
    const char *name;
    const double *values; /* one a pair; one that is not finite: the cause was not measured */
};

struct attribution {
    struct interval gap;
    struct interval unexplained; /* negative where the causes claim more than there is */
};

/* Divides gaps[pair_count] into cause_count causes, with Student's t intervals at `level`; fills
 * out_causes[cause_count]. A cause that was not measured in every pair has the state
 * INTERVAL_NOT_FINITE, and what it cost is in the remainder. */
struct attribution attribution_of(const double *gaps, size_t pair_count,
                                  const struct attribution_cause *causes, size_t cause_count,
                                  double level, struct interval *out_causes);
