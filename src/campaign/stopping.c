/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/stopping.h"

#include <string.h>

#include "base/mem.h"
#include "stats/looks.h"
#include "stats/normalise.h"
#include "workload/workload.h"

/* The good trials of one cell in one metric. */
struct series {
    size_t cell;
    const struct metric *metric;
    struct normalise_trial *trials;
    size_t count;
    size_t capacity;
    size_t good; /* trials, of which */
    size_t had;  /* so many have the metric */
};

struct stopping {
    const struct plan *plan;
    const struct plan_cell *cells;
    size_t cell_count;
    struct series *series;
    size_t series_count;
    bool looks_are_used;
    struct looks looks;
};

static void add_series(struct stopping *stopping, size_t cell)
{
    const struct plan_entry *entry = &stopping->plan->workloads[stopping->cells[cell].workload];
    const struct workload *workload = workload_find(entry->kind);
    for (size_t i = 0; i < workload->metric_count; i++) {
        if (!workload->metrics[i].primary)
            continue;
        stopping->series = mem_resize_array(stopping->series, stopping->series_count + 1,
                                            sizeof(*stopping->series));
        stopping->series[stopping->series_count++] =
            (struct series){.cell = cell, .metric = &workload->metrics[i]};
    }
}

uint64_t stopping_plan_max_blocks(const struct plan *plan)
{
    const struct plan_until *until = &plan->until;
    if (until->max_blocks > 0)
        return until->max_blocks;
    if (until->ci > 0 || until->budget_ns > 0)
        return STOPPING_MAX_BLOCKS;
    return plan->blocks;
}

struct stopping *stopping_new(const struct plan *plan, const struct plan_cell *cells,
                              size_t cell_count)
{
    struct stopping *stopping = mem_zalloc(sizeof(*stopping));
    stopping->plan = plan;
    stopping->cells = cells;
    stopping->cell_count = cell_count;
    for (size_t i = 0; i < cell_count; i++)
        add_series(stopping, i);
    stopping->looks_are_used =
        plan->until.ci > 0 && looks_init(&stopping->looks, STOPPING_FIRST_BLOCKS,
                                         stopping_plan_max_blocks(plan), STOPPING_LEVEL) >= 0;
    return stopping;
}

/* *out_values: how many machines have the metric. */
static double trial_performance(const struct store_trial *trial, const struct metric *metric,
                                size_t *out_values)
{
    double values[PLAN_VMS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < trial->sample_count && count < COUNT_OF(values); i++)
        if (!strcmp(trial->samples[i].metric, metric->name))
            values[count++] = trial->samples[i].value;
    *out_values = store_trial_lacks(trial, metric->name) ? 0 : count;
    struct normalise_metric how = {.higher_is_better = metric->higher_is_better,
                                   .adds_up = metric->adds_up};
    return normalise_consolidate(values, count, &how);
}

void stopping_add(struct stopping *stopping, size_t cell, const struct store_trial *trial)
{
    for (size_t i = 0; i < stopping->series_count; i++) {
        struct series *series = &stopping->series[i];
        if (series->cell != cell)
            continue;
        MEM_GROW(series->trials, series->count, series->capacity);
        size_t values = 0;
        double performance = trial_performance(trial, series->metric, &values);
        series->good += trial->status == TRIAL_OK;
        series->had += trial->status == TRIAL_OK && values > 0;
        series->trials[series->count++] = (struct normalise_trial){
            .block = trial->block,
            .performance = performance,
            .ok = trial->status == TRIAL_OK && values > 0,
        };
    }
}

static const struct series *find_baseline(const struct stopping *stopping,
                                          const struct series *series)
{
    size_t cell = plan_find_baseline(stopping->plan, stopping->cells, stopping->cell_count,
                                     &stopping->cells[series->cell]);
    for (size_t i = 0; i < stopping->series_count; i++)
        if (stopping->series[i].cell == cell && stopping->series[i].metric == series->metric)
            return &stopping->series[i];
    return NULL;
}

/* A metric that no machine of a cell can give is nothing to wait for; a cell whose trials all
 * failed is. */
static bool is_never_had(const struct series *series)
{
    return series->good > 0 && series->had == 0;
}

static bool every_interval_is_narrow(const struct stopping *stopping, uint64_t blocks_done)
{
    CLEANUP_FREE struct interval *ratios = mem_array(stopping->series_count, sizeof(*ratios));
    /* The bootstrap is a cross-check for reports: the smallest number of resamples will do. */
    struct normalise_options options = {.level = looks_level_at(&stopping->looks, blocks_done),
                                        .resamples = 1};
    size_t count = 0;
    for (size_t i = 0; i < stopping->series_count; i++) {
        const struct series *cell = &stopping->series[i];
        const struct series *baseline = find_baseline(stopping, cell);
        if (!baseline || baseline == cell || is_never_had(cell) || is_never_had(baseline))
            continue;
        CLEANUP_NORMALISE struct normalise_result result = normalise_paired(
            cell->trials, cell->count, baseline->trials, baseline->count, &options);
        ratios[count++] = result.ratio;
    }
    return looks_read(&stopping->looks, blocks_done, ratios, count, stopping->plan->until.ci)
               .decision == LOOKS_NARROW;
}

const char *stopping_check(const struct stopping *stopping, uint64_t blocks_done)
{
    if (stopping->looks_are_used && every_interval_is_narrow(stopping, blocks_done))
        return "ci";
    if (blocks_done < stopping_max_blocks(stopping))
        return NULL;
    return stopping->plan->until.max_blocks > 0 ? "max-blocks" : "blocks";
}

uint64_t stopping_max_blocks(const struct stopping *stopping)
{
    return stopping_plan_max_blocks(stopping->plan);
}

struct stopping *stopping_free(struct stopping *stopping)
{
    if (!stopping)
        return NULL;
    for (size_t i = 0; i < stopping->series_count; i++)
        free(stopping->series[i].trials);
    free(stopping->series);
    free(stopping);
    return NULL;
}
