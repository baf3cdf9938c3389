/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/steady.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/summary.h"

#define BATCH_MAX 5
#define BATCHES_MIN 20
#define TREND_MIN_VALUES 4
/* The tests compare all pairs: so many points are enough to see a trend. */
#define TREND_POINTS_MAX 1000

/* The sum over ties of t (t - 1) (2 t + 5) */
static double tie_term(const double *values, size_t n)
{
    CLEANUP_FREE double *sorted = summary_sort(values, n);
    double sum = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && sorted[end] == sorted[i])
            end++;
        double t = (double)(end - i);
        sum += t * (t - 1) * (2 * t + 5);
        i = end;
    }
    return sum;
}

double steady_trend_p_value(const double *values, size_t n)
{
    if (n < TREND_MIN_VALUES)
        return NAN;
    double score = 0, count = (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            score += (values[j] > values[i]) - (values[j] < values[i]);
    double variance = (count * (count - 1) * (2 * count + 5) - tie_term(values, n)) / 18;
    if (variance <= 0 || fabs(score) <= 1)
        return 1;
    return erfc((fabs(score) - 1) / sqrt(2 * variance));
}

/* The median of the slopes of all pairs, per value. */
static double sen_slope(const double *values, size_t n)
{
    size_t count = 0;
    CLEANUP_FREE double *slopes = mem_array(n * (n - 1) / 2, sizeof(*slopes));
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slopes[count++] = (values[j] - values[i]) / (double)(j - i);
    CLEANUP_FREE double *sorted = summary_sort(slopes, count);
    return summary_quantile(sorted, count, 0.5);
}

/* Means of whole batches; the last, incomplete one is left out. Returns how many there are. */
static size_t batch_means(const double *values, size_t n, size_t batch, double *out_means)
{
    for (size_t i = 0; i < n / batch; i++)
        out_means[i] = summary_moments(values + i * batch, batch).mean;
    return n / batch;
}

/* The cut in the first half with the least variance / length behind it. */
static size_t mser_cut(const double *values, size_t n)
{
    double mean = 0, squares = 0, best = INFINITY;
    size_t cut = 0;
    for (size_t i = n; i-- > 0;) {
        double kept = (double)(n - i), off = values[i] - mean;
        mean += off / kept;
        squares += off * (values[i] - mean);
        if (i <= n / 2 && squares / (kept * kept) <= best) {
            best = squares / (kept * kept);
            cut = i;
        }
    }
    return cut;
}

/* A best cut at the half says either that the series never settled, or that it has a slight trend
 * and little noise: then nothing is cut. */
static bool never_settled(const double *means, size_t n, double tolerance)
{
    double first = summary_moments(means, n / 2).mean;
    double second = summary_moments(means + n / 2, n - n / 2).mean;
    return fabs(first - second) > tolerance * fabs(second);
}

static void test_trend(struct steady *steady, const double *kept, size_t n)
{
    size_t width = (n + TREND_POINTS_MAX - 1) / TREND_POINTS_MAX;
    CLEANUP_FREE double *points = mem_array(n / width, sizeof(*points));
    size_t count = batch_means(kept, n, width, points);
    double slope = sen_slope(points, count);
    steady->p_value = steady_trend_p_value(points, count);
    steady->change = slope == 0 ? 0 : slope * (double)(count - 1) / fabs(steady->mean);
}

static void judge(struct steady *steady, const struct steady_options *options, bool unsettled)
{
    steady->verdict = STEADY_DRIFTING;
    if (unsettled)
        steady->reason = "still warming up at half of the series";
    else if (steady->p_value < options->alpha && fabs(steady->change) > options->tolerance)
        steady->reason = steady->change > 0 ? "rising to the end" : "falling to the end";
    else {
        steady->verdict = STEADY_SETTLED;
        steady->reason = "";
    }
}

static struct steady_options with_defaults(const struct steady_options *options)
{
    struct steady_options result = options ? *options : (struct steady_options){0};
    if (result.alpha <= 0)
        result.alpha = 0.01;
    if (result.tolerance <= 0)
        result.tolerance = 0.05;
    return result;
}

struct steady steady_of(const double *values, size_t n, const struct steady_options *options)
{
    struct steady steady = {.verdict = STEADY_TOO_SHORT,
                            .n = n,
                            .batch = 1,
                            .mean = NAN,
                            .p_value = NAN,
                            .change = NAN,
                            .reason = "too few values"};
    if (n < STEADY_MIN_VALUES)
        return steady;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            steady.reason = "a value is not a finite number";
            return steady;
        }
    }
    size_t batch = n / BATCHES_MIN < BATCH_MAX ? n / BATCHES_MIN : BATCH_MAX;
    CLEANUP_FREE double *means = mem_array(n / batch, sizeof(*means));
    size_t count = batch_means(values, n, batch, means);
    struct steady_options set = with_defaults(options);
    size_t cut = mser_cut(means, count);
    bool unsettled = cut == count / 2 && never_settled(means, count, set.tolerance);
    if (cut == count / 2 && !unsettled)
        cut = 0;
    steady.batch = batch;
    steady.warm_up = cut * batch;
    steady.mean = summary_moments(values + steady.warm_up, n - steady.warm_up).mean;
    test_trend(&steady, means + cut, count - cut);
    judge(&steady, &set, unsettled);
    return steady;
}

const char *steady_verdict_text(enum steady_verdict verdict)
{
    switch (verdict) {
    case STEADY_TOO_SHORT:
        return "too short";
    case STEADY_SETTLED:
        return "steady";
    case STEADY_DRIFTING:
        return "drifting";
    }
    return "too short";
}
