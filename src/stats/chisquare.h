/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chisquare: do observed counts fit expected shares? Pearson's test of goodness of fit (Phil. Mag.
 * 50, 1900).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chisquare {
    uint64_t total;
    double statistic;      /* sum of (observed - expected)^2 / expected */
    double df;             /* classes with a share - 1 */
    double p_value;        /* small: the counts do not fit; NaN when there was nothing to test */
    double least_expected; /* smallest expected count */
    bool sparse;           /* least_expected < 5: the p value is only rough (Cochran 1954) */
    size_t worst;          /* the class that adds most to the statistic */
};

/* shares need not sum to 1 (they are scaled), but each must be finite and >= 0 and at least two >
 * 0, else p_value is NaN. A count in a class whose share is 0 gives statistic INFINITY and p value
 * 0. */
struct chisquare chisquare_of(const uint64_t *observed, const double *shares, size_t classes);
