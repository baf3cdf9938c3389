/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/interval.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "stats/distribution.h"
#include "stats/summary.h"

static struct interval interval_failed(enum interval_state state, size_t n, double level)
{
    return (struct interval){.state = state,
                             .n = n,
                             .level = level,
                             .estimate = NAN,
                             .lo = NAN,
                             .hi = NAN,
                             .df = NAN,
                             .p_value = NAN};
}

static bool usable(const double *values, size_t n, double level)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return level > 0 && level < 1;
}

/* estimate -+ t * error */
static struct interval interval_around(double estimate, double error, double df, double level)
{
    struct interval interval = {.level = level, .estimate = estimate, .df = df};
    double reach = distribution_student_quantile(0.5 + 0.5 * level, df) * error;
    interval.lo = estimate - reach;
    interval.hi = estimate + reach;
    interval.p_value = distribution_student_two_sided(estimate / error, df);
    if (!isfinite(interval.lo) || !isfinite(interval.hi))
        return interval_failed(INTERVAL_NOT_FINITE, 0, level);
    return interval;
}

static struct interval interval_without_width(double estimate, double df, double level)
{
    return (struct interval){.level = level,
                             .estimate = estimate,
                             .lo = estimate,
                             .hi = estimate,
                             .df = df,
                             .p_value = estimate == 0 ? 1 : 0,
                             .zero_variance = true};
}

struct interval interval_student(const double *values, size_t n, double level)
{
    if (!usable(values, n, level))
        return interval_failed(INTERVAL_NOT_FINITE, n, level);
    if (n < 2)
        return interval_failed(INTERVAL_TOO_FEW, n, level);
    struct moments moments = summary_moments(values, n);
    double df = (double)(n - 1);
    struct interval interval =
        moments.variance == 0
            ? interval_without_width(moments.mean, df, level)
            : interval_around(moments.mean, sqrt(moments.variance / (double)n), df, level);
    interval.n = n;
    return interval;
}

struct interval interval_welch(const double *a, size_t a_count, const double *b, size_t b_count,
                               double level)
{
    size_t n = a_count + b_count;
    if (!usable(a, a_count, level) || !usable(b, b_count, level))
        return interval_failed(INTERVAL_NOT_FINITE, n, level);
    if (a_count < 2 || b_count < 2)
        return interval_failed(INTERVAL_TOO_FEW, n, level);
    struct moments ma = summary_moments(a, a_count), mb = summary_moments(b, b_count);
    double va = ma.variance / (double)a_count, vb = mb.variance / (double)b_count;
    double difference = ma.mean - mb.mean;
    struct interval interval;
    if (va + vb == 0) {
        interval = interval_without_width(difference, (double)(n - 2), level);
    } else {
        /* in shares of the sum, so that the squares cannot underflow */
        double sa = va / (va + vb), sb = vb / (va + vb);
        double df = 1 / (sa * sa / (double)(a_count - 1) + sb * sb / (double)(b_count - 1));
        interval = interval_around(difference, sqrt(va + vb), df, level);
    }
    interval.n = n;
    return interval;
}

/* Means of resamples, as differences from the mean. */
static double *resample_means(const double *off, size_t n, size_t resamples, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, rng_stream_of("stats/interval/bca"));
    double *means = mem_array(resamples, sizeof(*means));
    for (size_t i = 0; i < resamples; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += off[rng_below(&rng, n)];
        means[i] = sum / (double)n;
    }
    return means;
}

/* The normal quantile of the share of resamples below the estimate (0 here); `tie` is a rounding
 * error away from it. Held inside what so many resamples can tell. */
static double bias_of(const double *means, size_t resamples, double tie)
{
    double below = 0;
    for (size_t i = 0; i < resamples; i++)
        if (means[i] <= tie)
            below += means[i] < -tie ? 1 : 0.5;
    double least = 0.5 / (double)resamples;
    return distribution_normal_quantile(fmin(fmax(below / (double)resamples, least), 1 - least));
}

/* For the mean the jackknife comes down to the third and second moment of the values. */
static double acceleration_of(const double *off, size_t n)
{
    double squares = 0, cubes = 0;
    for (size_t i = 0; i < n; i++) {
        squares += off[i] * off[i];
        cubes += off[i] * off[i] * off[i];
    }
    return cubes / (6 * squares * sqrt(squares));
}

/* Reorders means. */
static double bca_bound(double *means, size_t resamples, double z, double bias, double acceleration)
{
    double shifted = bias + z;
    double stretch = 1 - acceleration * shifted;
    if (!(stretch > 0))
        return summary_select_quantile(means, resamples, shifted > 0 ? 1 : 0);
    double share = distribution_normal_cdf(bias + shifted / stretch);
    return summary_select_quantile(means, resamples, share);
}

struct interval interval_bca(const double *values, size_t n,
                             const struct interval_bootstrap *options)
{
    double level = options->level;
    size_t resamples = options->resamples ? options->resamples : INTERVAL_RESAMPLES;
    if (!usable(values, n, level))
        return interval_failed(INTERVAL_NOT_FINITE, n, level);
    if (n < 2)
        return interval_failed(INTERVAL_TOO_FEW, n, level);
    struct moments moments = summary_moments(values, n);
    struct interval interval = interval_without_width(moments.mean, NAN, level);
    interval.n = n;
    interval.p_value = NAN;
    interval.zero_variance = moments.variance == 0;
    if (interval.zero_variance)
        return interval;

    /* in units of the standard deviation, so that no power over- or underflows */
    double sd = sqrt(moments.variance);
    CLEANUP_FREE double *off = mem_array(n, sizeof(*off));
    for (size_t i = 0; i < n; i++)
        off[i] = (values[i] - moments.mean) / sd;
    CLEANUP_FREE double *means = resample_means(off, n, resamples, options->seed);
    double bias = bias_of(means, resamples, 1e-12);
    double acceleration = acceleration_of(off, n);
    double z = distribution_normal_quantile(0.5 + 0.5 * level);
    interval.lo = moments.mean + sd * bca_bound(means, resamples, -z, bias, acceleration);
    interval.hi = moments.mean + sd * bca_bound(means, resamples, z, bias, acceleration);
    return interval;
}

struct interval interval_wilson(uint64_t successes, uint64_t n, double level)
{
    if (!(level > 0 && level < 1) || successes > n)
        return interval_failed(INTERVAL_NOT_FINITE, n, level);
    if (n == 0)
        return interval_failed(INTERVAL_TOO_FEW, n, level);
    double z = distribution_normal_quantile(0.5 + 0.5 * level);
    double trials = (double)n, share = (double)successes / trials;
    double weight = z * z / trials;
    double centre = (share + 0.5 * weight) / (1 + weight);
    double reach = z / (1 + weight) * sqrt((share * (1 - share) + 0.25 * weight) / trials);
    return (struct interval){.n = n,
                             .level = level,
                             .estimate = share,
                             .lo = successes == 0 ? 0 : fmax(0, centre - reach),
                             .hi = successes == n ? 1 : fmin(1, centre + reach),
                             .df = NAN,
                             .p_value = NAN};
}

/* P(no more than k of n values lie below the q-quantile). */
static double binomial_cdf(size_t k, size_t n, double q)
{
    return k >= n ? 1 : distribution_beta((double)(n - k), (double)k + 1, 1 - q);
}

/* The largest rank r (from 1; 0: there is none) with P(fewer than r values below) <= tail. */
static size_t lower_rank(size_t n, double q, double tail)
{
    size_t low = 0, high = n; /* the answer is in [low, high] */
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (binomial_cdf(middle - 1, n, q) <= tail)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

struct interval interval_quantile(const double *sorted, size_t n, double q, double level)
{
    if (!(level > 0 && level < 1) || !(q > 0 && q < 1) ||
        (n > 0 && (!isfinite(sorted[0]) || !isfinite(sorted[n - 1]))))
        return interval_failed(INTERVAL_NOT_FINITE, n, level);
    struct interval interval = interval_failed(INTERVAL_TOO_FEW, n, level);
    if (n == 0)
        return interval;
    interval.estimate = summary_quantile(sorted, n, q);
    double tail = 0.5 * (1 - level);
    size_t lo = lower_rank(n, q, tail);
    size_t hi = lower_rank(n, 1 - q, tail); /* counted from the largest */
    if (lo == 0 || hi == 0)
        return interval;
    interval.state = INTERVAL_OK;
    interval.lo = sorted[lo - 1];
    interval.hi = sorted[n - hi];
    interval.zero_variance = sorted[0] == sorted[n - 1];
    return interval;
}

struct interval interval_exp(struct interval interval)
{
    interval.estimate = exp(interval.estimate);
    interval.lo = exp(interval.lo);
    interval.hi = exp(interval.hi);
    return interval;
}

double interval_relative_half_width(const struct interval *interval)
{
    if (interval->state != INTERVAL_OK)
        return NAN;
    return (interval->hi - interval->lo) / (2 * fabs(interval->estimate));
}

const char *interval_state_text(enum interval_state state)
{
    switch (state) {
    case INTERVAL_OK:
        return "";
    case INTERVAL_TOO_FEW:
        return "too few values";
    case INTERVAL_NOT_FINITE:
        return "a value is not a finite number";
    }
    return "unknown";
}

struct ranked {
    double p_value;
    size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->p_value > y->p_value) - (x->p_value < y->p_value);
}

void interval_adjust_holm(const double *p_values, size_t n, double *out_adjusted)
{
    CLEANUP_FREE struct ranked *ranked = mem_array(n, sizeof(*ranked));
    size_t tests = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p_values[i]))
            out_adjusted[i] = NAN;
        else
            ranked[tests++] = (struct ranked){p_values[i], i};
    }
    qsort(ranked, tests, sizeof(*ranked), compare_ranked);
    double least = 0;
    for (size_t i = 0; i < tests; i++) {
        least = fmax(least, fmin(1, (double)(tests - i) * ranked[i].p_value));
        out_adjusted[ranked[i].index] = least;
    }
}
