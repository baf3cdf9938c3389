/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * explained: a cost over several pairs of trials. Pure.
 */
#pragma once

#include <stddef.h>

#include "stats/interval.h"

/* Costs are shares of what the baseline needs: 0.1 is a tenth of it. */
struct explained {
    size_t n;                 /* pairs in which it was measured */
    double mean;              /* NaN: not measured in every pair */
    struct interval interval; /* without one for a single pair */
};

/* Of values[count], one a pair; NaN: not measured in it. level: of the interval, 0.95. */
struct explained explained_of(const double *values, size_t count, double level);
