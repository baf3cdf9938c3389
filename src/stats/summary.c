/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define OUTLIER_SCORE 3.5
#define OUTLIER_MIN_VALUES 5
#define NORMAL_MAD 0.67448975019608171            /* MAD / sd of a normal */
#define NORMAL_MEAN_DEVIATION 0.79788456080286536 /* mean |x - mean| / sd of a normal */

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

double *summary_sort(const double *values, size_t n)
{
    double *sorted = mem_array(n, sizeof(*sorted));
    if (n)
        memcpy(sorted, values, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_values);
    return sorted;
}

double summary_quantile(const double *sorted, size_t n, double q)
{
    if (n == 0 || !(q >= 0 && q <= 1))
        return NAN;
    double position = q * (double)(n - 1);
    size_t below = (size_t)position;
    if (below + 1 >= n)
        return sorted[n - 1];
    double share = position - (double)below;
    return sorted[below] * (1 - share) + sorted[below + 1] * share;
}

static void swap(double *a, double *b)
{
    double value = *a;
    *a = *b;
    *b = value;
}

/* Reorders so that values[at] is what sorting would put there, with nothing larger before and
 * nothing smaller behind it. In three parts, for resamples of few values are mostly ties. */
static void select_place(double *values, size_t n, size_t at)
{
    size_t begin = 0, end = n;
    while (end - begin > 1) {
        double pivot = values[begin + (end - begin) / 2];
        size_t below = begin, above = end;
        for (size_t i = begin; i < above;) {
            if (values[i] < pivot)
                swap(&values[i++], &values[below++]);
            else if (values[i] > pivot)
                swap(&values[i], &values[--above]);
            else
                i++;
        }
        if (at >= below && at < above)
            return;
        begin = at < below ? begin : above;
        end = at < below ? below : end;
    }
}

double summary_select_quantile(double *values, size_t n, double q)
{
    if (n == 0 || !(q >= 0 && q <= 1))
        return NAN;
    double position = q * (double)(n - 1);
    size_t below = (size_t)position;
    select_place(values, n, below);
    if (below + 1 >= n)
        return values[below];
    double next = values[below + 1];
    for (size_t i = below + 2; i < n; i++)
        next = values[i] < next ? values[i] : next;
    double share = position - (double)below;
    return values[below] * (1 - share) + next * share;
}

struct moments summary_moments(const double *values, size_t n)
{
    if (n == 0)
        return (struct moments){NAN, NAN};
    bool equal = true;
    long double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
        equal = equal && values[i] == values[0];
    }
    if (equal)
        return (struct moments){values[0], n < 2 ? NAN : 0};
    long double mean = sum / n, square = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        long double d = values[i] - mean;
        square += d * d;
        rest += d;
    }
    return (struct moments){(double)mean, (double)((square - rest * rest / n) / (n - 1))};
}

static bool all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* |value - centre|, ascending */
static double *sorted_deviations(const double *values, size_t n, double centre)
{
    CLEANUP_FREE double *deviations = mem_array(n, sizeof(*deviations));
    for (size_t i = 0; i < n; i++)
        deviations[i] = fabs(values[i] - centre);
    return summary_sort(deviations, n);
}

/* The standard deviation that the bulk of the values suggests. */
static double robust_spread(const double *values, size_t n, double median)
{
    CLEANUP_FREE double *deviations = sorted_deviations(values, n, median);
    double mad = summary_quantile(deviations, n, 0.5);
    if (mad > 0)
        return mad / NORMAL_MAD;
    return summary_moments(deviations, n).mean / NORMAL_MEAN_DEVIATION;
}

size_t summary_mark_outliers(const double *values, size_t n, bool *marks)
{
    memset(marks, 0, n * sizeof(*marks));
    if (n < OUTLIER_MIN_VALUES || !all_finite(values, n))
        return 0;
    CLEANUP_FREE double *sorted = summary_sort(values, n);
    double median = summary_quantile(sorted, n, 0.5);
    double limit = OUTLIER_SCORE * robust_spread(values, n, median);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        marks[i] = fabs(values[i] - median) > limit;
        count += marks[i];
    }
    return count;
}

struct summary summary_of(const double *values, size_t n)
{
    struct summary summary = {.n = n,
                              .finite = all_finite(values, n),
                              .mean = NAN,
                              .sd = NAN,
                              .min = NAN,
                              .median = NAN,
                              .max = NAN,
                              .mad = NAN};
    if (n == 0 || !summary.finite)
        return summary;
    CLEANUP_FREE double *sorted = summary_sort(values, n);
    struct moments moments = summary_moments(values, n);
    summary.mean = moments.mean;
    summary.sd = sqrt(moments.variance);
    summary.min = sorted[0];
    summary.max = sorted[n - 1];
    summary.median = summary_quantile(sorted, n, 0.5);
    CLEANUP_FREE double *deviations = sorted_deviations(values, n, summary.median);
    summary.mad = summary_quantile(deviations, n, 0.5);
    CLEANUP_FREE bool *marks = mem_array(n, sizeof(*marks));
    summary.outliers = summary_mark_outliers(values, n, marks);
    return summary;
}
