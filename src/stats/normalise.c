/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/normalise.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/summary.h"

#define LEVEL_DEFAULT 0.95

double normalise_performance(double value, bool higher_is_better)
{
    if (!isfinite(value) || value <= 0)
        return NAN;
    return higher_is_better ? value : 1 / value;
}

double normalise_consolidate(const double *values, size_t machines,
                             const struct normalise_metric *metric)
{
    double sum = 0;
    bool rates = metric->higher_is_better || metric->adds_up;
    for (size_t i = 0; i < machines; i++)
        sum += normalise_performance(values[i], rates);
    if (machines == 0)
        return NAN;
    if (metric->adds_up)
        return metric->higher_is_better ? sum : 1 / sum;
    return metric->higher_is_better ? sum / (double)machines : sum;
}

static int compare_trials(const void *a, const void *b)
{
    const struct normalise_trial *x = *(const struct normalise_trial *const *)a;
    const struct normalise_trial *y = *(const struct normalise_trial *const *)b;
    if (x->block != y->block)
        return (x->block > y->block) - (x->block < y->block);
    return (x > y) - (x < y); /* in the order given */
}

/* The first good trial of each block, ascending by block. */
struct good_trials {
    const struct normalise_trial **items;
    size_t count;
    size_t repeated;
};

static struct good_trials pick_good(const struct normalise_trial *trials, size_t count)
{
    struct good_trials good = {.items = mem_array(count, sizeof(struct normalise_trial *))};
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        if (trials[i].ok)
            good.items[all++] = &trials[i];
    qsort(good.items, all, sizeof(good.items[0]), compare_trials);
    for (size_t i = 0; i < all; i++)
        if (good.count == 0 || good.items[good.count - 1]->block != good.items[i]->block)
            good.items[good.count++] = good.items[i];
    good.repeated = all - good.count;
    return good;
}

static void good_trials_done(struct good_trials *good)
{
    free(good->items);
}
#define CLEANUP_GOOD_TRIALS CLEANUP(good_trials_done)

static double log_of(double performance)
{
    return performance > 0 ? log(performance) : NAN;
}

/* Merges the two ascending lists; logs[i] belongs to result->points[i]. */
static void pair_up(struct normalise_result *result, const struct good_trials *cell,
                    const struct good_trials *baseline, double *logs)
{
    size_t i = 0, j = 0;
    while (i < cell->count && j < baseline->count) {
        const struct normalise_trial *a = cell->items[i], *b = baseline->items[j];
        if (a->block == b->block) {
            double log_ratio = log_of(a->performance) - log_of(b->performance);
            logs[result->pairs] = log_ratio;
            result->points[result->pairs++] =
                (struct normalise_point){.block = a->block, .value = exp(log_ratio)};
        }
        i += a->block <= b->block;
        j += b->block <= a->block;
    }
    result->unpaired_cell = cell->count - result->pairs;
    result->unpaired_baseline = baseline->count - result->pairs;
}

static void mark_outliers(struct normalise_result *result, const double *logs)
{
    CLEANUP_FREE bool *marks = mem_array(result->pairs, sizeof(*marks));
    result->outliers = summary_mark_outliers(logs, result->pairs, marks);
    for (size_t i = 0; i < result->pairs; i++)
        result->points[i].outlier = marks[i];
}

static double level_of(const struct normalise_options *options)
{
    return options->level != 0 ? options->level : LEVEL_DEFAULT;
}

struct normalise_result normalise_paired(const struct normalise_trial *cell, size_t cell_count,
                                         const struct normalise_trial *baseline,
                                         size_t baseline_count,
                                         const struct normalise_options *options)
{
    CLEANUP_GOOD_TRIALS struct good_trials good_cell = pick_good(cell, cell_count);
    CLEANUP_GOOD_TRIALS struct good_trials good_baseline = pick_good(baseline, baseline_count);
    struct normalise_result result = {
        .repeated = good_cell.repeated + good_baseline.repeated,
        .margin = options->margin,
        .points = mem_array(good_cell.count, sizeof(struct normalise_point)),
    };
    CLEANUP_FREE double *logs = mem_array(good_cell.count, sizeof(*logs));
    pair_up(&result, &good_cell, &good_baseline, logs);
    mark_outliers(&result, logs);

    struct interval_bootstrap bootstrap = {
        .level = level_of(options), .resamples = options->resamples, .seed = options->seed};
    result.ratio = interval_exp(interval_student(logs, result.pairs, bootstrap.level));
    result.bca = interval_exp(interval_bca(logs, result.pairs, &bootstrap));
    result.comparison = comparison_of(&result.ratio, options->margin);
    result.bca_verdict = comparison_of(&result.bca, options->margin).verdict;
    result.disagree = comparison_disagrees(&result.ratio, &result.bca, options->margin);
    return result;
}

void normalise_result_done(struct normalise_result *result)
{
    free(result->points);
    *result = (struct normalise_result){0};
}

/* The logs of all good trials, the caller's to free. */
static double *good_logs(const struct normalise_trial *trials, size_t count, size_t *out_count)
{
    double *logs = mem_array(count, sizeof(*logs));
    size_t good = 0;
    for (size_t i = 0; i < count; i++)
        if (trials[i].ok)
            logs[good++] = log_of(trials[i].performance);
    *out_count = good;
    return logs;
}

struct normalise_change normalise_unpaired(const struct normalise_trial *before,
                                           size_t before_count, const struct normalise_trial *after,
                                           size_t after_count,
                                           const struct normalise_options *options)
{
    struct normalise_change change = {.margin = options->margin};
    CLEANUP_FREE double *old_logs = good_logs(before, before_count, &change.before_count);
    CLEANUP_FREE double *new_logs = good_logs(after, after_count, &change.after_count);
    change.ratio = interval_exp(interval_welch(new_logs, change.after_count, old_logs,
                                               change.before_count, level_of(options)));
    change.comparison = comparison_of(&change.ratio, options->margin);
    return change;
}
