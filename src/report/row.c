/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/row.h"

#include <math.h>
#include <string.h>

#include "stats/summary.h"

#define MACHINES_MAX 1024 /* a damaged store may say anything */

struct report_value value_of(const double *values, size_t count, double level)
{
    return (struct report_value){
        .n = count,
        .mean = summary_of(values, count).mean,
        .interval = interval_student(values, count, level),
    };
}

/* Mean of each machine's samples of a metric; out_values has room for MACHINES_MAX. */
static size_t machine_values(const struct store_trial *trial, const char *metric,
                             double *out_values)
{
    double sums[MACHINES_MAX];
    size_t counts[MACHINES_MAX];
    size_t machines = 0;
    const char *known = NULL; /* equal names of one trial are mostly one text */
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct store_sample *sample = &trial->samples[i];
        if (sample->metric != known && strcmp(sample->metric, metric) != 0)
            continue;
        known = sample->metric;
        if (sample->machine >= MACHINES_MAX)
            continue;
        for (; machines <= sample->machine; machines++)
            sums[machines] = counts[machines] = 0;
        sums[sample->machine] += sample->value;
        counts[sample->machine]++;
    }
    size_t used = 0;
    for (size_t i = 0; i < machines; i++)
        if (counts[i] > 0)
            out_values[used++] = sums[i] / (double)counts[i];
    return used;
}

static struct report_point point_of(const struct store_trial *trial,
                                    const struct store_metric *metric)
{
    const struct normalise_metric kind = {.higher_is_better = metric->higher_is_better,
                                          .adds_up = metric->adds_up};
    double values[MACHINES_MAX];
    size_t machines = machine_values(trial, metric->name, values);
    struct report_point point = {.trial = trial, .value = NAN, .performance = NAN};
    if (machines > 0 && !store_trial_lacks(trial, metric->name)) {
        point.value = summary_of(values, machines).mean;
        point.performance = normalise_consolidate(values, machines, &kind);
    }
    return point;
}

/* A cost that adds up is shown as the sum itself, in its own unit: 1 / sum says nothing to a
 * reader. */
static double consolidated_of(const struct report_point *point, const struct store_metric *metric)
{
    bool is_cost = metric->adds_up && !metric->higher_is_better;
    return is_cost ? 1 / point->performance : point->performance;
}

/* A good trial may lack a metric. */
static bool is_counted(const struct report_point *point)
{
    return point->trial->status == TRIAL_OK && isfinite(point->value);
}

static void mark_outliers(struct report_row *row)
{
    CLEANUP_FREE double *values = mem_array(row->point_count, sizeof(*values));
    CLEANUP_FREE bool *marks = mem_array(row->point_count, sizeof(*marks));
    size_t good = 0;
    for (size_t i = 0; i < row->point_count; i++)
        if (is_counted(&row->points[i]))
            values[good++] = row->points[i].value;
    row->outliers = summary_mark_outliers(values, good, marks);
    good = 0;
    for (size_t i = 0; i < row->point_count; i++)
        if (is_counted(&row->points[i]))
            row->points[i].outlier = marks[good++];
}

void row_fill(struct report_row *row, const struct row_trials *trials, double level)
{
    row->normalised.ratio.state = row->normalised.bca.state = INTERVAL_TOO_FEW;
    row->points = mem_array(trials->count, sizeof(*row->points));
    row->point_count = trials->count;
    CLEANUP_FREE double *values = mem_array(trials->count, sizeof(*values));
    CLEANUP_FREE double *sums = mem_array(trials->count, sizeof(*sums));
    size_t good = 0;
    for (size_t i = 0; i < trials->count; i++) {
        struct report_point *point = &row->points[i];
        *point = point_of(trials->items[i], row->metric);
        row->counts[point->trial->status]++;
        if (!is_counted(point))
            continue;
        values[good] = point->value;
        sums[good++] = consolidated_of(point, row->metric);
    }
    row->value = value_of(values, good, level);
    row->consolidated = value_of(sums, good, level);
    mark_outliers(row);
}

struct normalise_trial *row_normalise_trials(const struct report_row *row)
{
    struct normalise_trial *trials = mem_array(row->point_count, sizeof(*trials));
    for (size_t i = 0; i < row->point_count; i++)
        trials[i] = (struct normalise_trial){
            .block = row->points[i].trial->block,
            .performance = row->points[i].performance,
            .ok = is_counted(&row->points[i]),
        };
    return trials;
}

void row_normalise(struct report_row *row, const struct normalise_options *options)
{
    if (!row->baseline || row->baseline == row)
        return;
    CLEANUP_FREE struct normalise_trial *own = row_normalise_trials(row);
    CLEANUP_FREE struct normalise_trial *base = row_normalise_trials(row->baseline);
    row->normalised =
        normalise_paired(own, row->point_count, base, row->baseline->point_count, options);
}

void row_done(struct report_row *row)
{
    normalise_result_done(&row->normalised);
    free(row->points);
}
