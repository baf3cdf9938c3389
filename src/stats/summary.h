/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * summary: what a handful of values looks like. Outliers are marked, never removed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct summary {
    size_t n;
    bool finite; /* false: a value is NaN or infinite, and every number below is NaN */
    double mean;
    double sd; /* with n - 1; NaN for n < 2 */
    double min;
    double median;
    double max;
    double mad;      /* median of |value - median| */
    size_t outliers; /* as summary_mark_outliers() counts them */
};

/* The values in any order, unit of their own; n 0 gives NaN everywhere. */
struct summary summary_of(const double *values, size_t n);

/* The q-quantile, q in [0, 1], of values in ascending order: linear interpolation at (n - 1) q,
 * Hyndman and Fan, Sample quantiles in statistical packages, 1996, definition 7. NaN for n 0. */
double summary_quantile(const double *sorted, size_t n, double q);

/* The same of finite values in any order, which are reordered: much faster than sorting them when
 * one or two quantiles are wanted. */
double summary_select_quantile(double *values, size_t n, double q);

/* A new ascending copy, the caller's to free; NaNs come last. */
double *summary_sort(const double *values, size_t n);

/* Sets marks[i] where |values[i] - median| > 3.5 MAD / 0.6745 and returns how many that are.
 * Iglewicz and Hoaglin, How to detect and handle outliers, 1993; where more than half of the values
 * are equal (MAD 0) the mean absolute deviation stands in, as they propose, times 1.2533. Fewer
 * than 5 values, or one that is not finite, gives none: there is no bulk to be apart from. */
size_t summary_mark_outliers(const double *values, size_t n, bool *marks);

/* Mean and sample variance in two passes with correction (Chan, Golub, LeVeque, Algorithms for
 * computing the sample variance, 1983). The variance is exactly 0 when all values are equal and NaN
 * for n < 2. */
struct moments {
    double mean;
    double variance;
};
struct moments summary_moments(const double *values, size_t n);
