/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/causes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/label.h"
#include "report/number.h"
#include "stats/summary.h"

static const struct report_point *find_good(const struct report_row *row, uint64_t block)
{
    for (size_t i = 0; i < row->point_count; i++)
        if (row->points[i].trial->block == block && row->points[i].trial->status == TRIAL_OK &&
            row->points[i].performance > 0)
            return &row->points[i];
    return NULL;
}

static double slowdown_of(const struct report_point *cell, const struct report_point *baseline,
                          enum budget_measure measure)
{
    if (measure == BUDGET_TIME || measure == BUDGET_INTERVAL)
        return baseline->performance / cell->performance;
    return budget_per_work(cell->trial, measure) / budget_per_work(baseline->trial, measure);
}

/* The pairs are those of the normalised performance, as far as they have what the measure needs. */
static size_t make_pairs(const struct report_row *row, enum budget_measure measure,
                         struct explanation_pair *out_pairs)
{
    size_t count = 0;
    for (size_t i = 0; i < row->normalised.pairs; i++) {
        uint64_t block = row->normalised.points[i].block;
        const struct report_point *cell = find_good(row, block);
        const struct report_point *baseline = find_good(row->baseline, block);
        double slowdown = cell && baseline ? slowdown_of(cell, baseline, measure) : NAN;
        if (isfinite(slowdown))
            out_pairs[count++] = (struct explanation_pair){cell->trial, baseline->trial, slowdown};
    }
    return count;
}

static const struct report_row *find_single(const struct report *report,
                                            const struct report_row *of)
{
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (row->metric == of->metric && row->cell->vms == 1 &&
            row->cell->vcpus == of->cell->vcpus &&
            row->cell->memory_bytes == of->cell->memory_bytes &&
            strcmp(row->cell->platform, of->cell->platform) == 0)
            return row;
    }
    return NULL;
}

/* N machines that add up should do N times as much as one of `alike`'s platform. */
static struct explained against_single(const struct report *report, const struct report_row *many,
                                       const struct report_row *alike)
{
    struct explained none = {.mean = NAN, .interval = {.state = INTERVAL_TOO_FEW}};
    const struct report_row *single = many->cell->vms > 1 ? find_single(report, alike) : NULL;
    if (!single)
        return none;
    bool adds_up = many->metric->adds_up || !many->metric->higher_is_better;
    double ideal = adds_up ? many->cell->vms : 1;
    CLEANUP_FREE double *values = mem_array(many->point_count + 1, sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < many->point_count; i++) {
        const struct report_point *point = find_good(many, many->points[i].trial->block);
        const struct report_point *alone = find_good(single, many->points[i].trial->block);
        if (point == &many->points[i] && alone)
            values[count++] = ideal * alone->performance / point->performance - 1;
    }
    if (count == 0)
        return none;
    return (struct explained){count, summary_of(values, count).mean,
                              interval_student(values, count, report->level)};
}

/* false: no pair has what the measure needs. */
static bool explain_row(const struct report *report, const struct report_row *row,
                        enum budget_measure measure, struct report_explanation *out)
{
    CLEANUP_FREE struct explanation_pair *pairs =
        mem_array(row->normalised.pairs + 1, sizeof(*pairs));
    size_t count = make_pairs(row, measure, pairs);
    const struct explanation_options options = {
        .platform_kind = row->cell->platform_kind,
        .measure = measure,
        .level = report->level,
    };
    *out = (struct report_explanation){
        .row = row,
        .measure = measure,
        .explanation = explanation_of(pairs, count, &options),
        .contention = {.mean = NAN},
        .consolidated = {.mean = NAN},
    };
    if (measure == BUDGET_TIME || measure == BUDGET_INTERVAL) {
        out->contention = against_single(report, row->baseline, row->baseline);
        out->consolidated = against_single(report, row, row->baseline);
    }
    return count > 0;
}

/* What is counted is of the whole trial, so once is enough where a workload has several primary
 * metrics. */
static bool is_explained(const struct report *report, const struct report_row *row,
                         enum budget_measure measure)
{
    for (size_t i = 0; i < report->explanation_count; i++)
        if (report->explanations[i].row->cell == row->cell &&
            report->explanations[i].measure == measure)
            return true;
    return false;
}

/* False: there is nothing to explain with. */
static bool add_measure(struct report *report, const struct report_row *row,
                        enum budget_measure measure, size_t *capacity)
{
    struct report_explanation explanation;
    if (!explain_row(report, row, measure, &explanation))
        return false;
    MEM_GROW(report->explanations, report->explanation_count, *capacity);
    report->explanations[report->explanation_count++] = explanation;
    return true;
}

/* An emulated server's seconds say nothing, so where its instructions can be divided they are. */
static void add_row(struct report *report, const struct report_row *row, size_t *capacity)
{
    bool is_search = strcmp(row->cell->workload_kind, "shop") == 0;
    const enum budget_measure measures[] = {is_search ? BUDGET_INTERVAL : BUDGET_TIME,
                                            BUDGET_PAGE_CPU, BUDGET_PAGE_TIME};
    bool was_counted = is_explained(report, row, BUDGET_COUNTED);
    bool is_counted = was_counted || add_measure(report, row, BUDGET_COUNTED, capacity);
    for (enum budget_measure measure = BUDGET_INSTRUCTIONS; measure <= BUDGET_HOST; measure++)
        if (!is_explained(report, row, measure))
            (void)add_measure(report, row, measure, capacity);
    for (size_t i = 0; i < COUNT_OF(measures) && !is_counted; i++)
        (void)add_measure(report, row, measures[i], capacity);
}

static bool has_readings(const struct report *report)
{
    for (size_t i = 0; i < report->trial_count; i++)
        if (report->trials[i].reading_count > 0)
            return true;
    return false;
}

void causes_fill(struct report *report)
{
    if (!has_readings(report))
        return;
    size_t capacity = 0;
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (!row->metric->primary || !row->baseline || row->baseline == row ||
            row->normalised.pairs == 0)
            continue;
        add_row(report, row, &capacity);
    }
}

static int digits_of(const struct interval *interval)
{
    double width = 100 * (interval->hi - interval->lo);
    return width < 1 ? 2 : width < 10 ? 1 : 0;
}

/* A share as percent; without a sign where nothing else is left of it with so many digits. */
static double percent_of(double share, int digits)
{
    double percent = 100 * share;
    return fabs(percent) * pow(10, digits) < 0.5 ? 0 : percent;
}

const char *causes_format(const struct explained *explained, char *text, size_t size)
{
    const struct interval *interval = &explained->interval;
    int digits = digits_of(interval);
    if (!isfinite(explained->mean))
        snprintf(text, size, "not measured");
    else if (interval->state == INTERVAL_OK)
        snprintf(text, size, "%+.*f %% [%.*f, %.*f]", digits, percent_of(explained->mean, digits),
                 digits, percent_of(interval->lo, digits), digits,
                 percent_of(interval->hi, digits));
    else
        snprintf(text, size, "%+.1f %% (n=%zu)", percent_of(explained->mean, 1), explained->n);
    return text;
}

char *causes_reason_evidence(const struct reason_cost *reason)
{
    char count[NUMBER_TEXT_MAX];
    return mem_printf("%s exits; in the causes above, not added",
                      number_format_count((double)reason->count, count));
}

char *causes_rest_evidence(const struct explanation *explanation)
{
    double named = explanation_named(explanation);
    const char *what = "the rest: causes and this add up to the difference";
    return isfinite(named) ? mem_printf("%s; %.0f %% of it has a name", what, 100 * named)
                           : mem_strdup(what);
}

const char *causes_measure(const struct report_explanation *explanation)
{
    switch (explanation->measure) {
    case BUDGET_PAGE_CPU:
        return "CPU time for a page";
    case BUDGET_PAGE_TIME:
        return "time of a page";
    case BUDGET_INSTRUCTIONS:
        return "instructions for the same work";
    case BUDGET_HOST:
        return "instructions for the same work (whole host)";
    case BUDGET_COUNTED:
        return "instructions for the same work (whole server)";
    default:
        return "time for the same work";
    }
}

char *causes_unit(const struct report_explanation *explanation)
{
    return mem_printf("percent of %s's %s", explanation->row->baseline->cell->platform,
                      causes_measure(explanation));
}

char *causes_sentence(const struct report_explanation *explanation)
{
    char text[80];
    const struct report_row *row = explanation->row;
    const struct explained *gap = &explanation->explanation.gap;
    return mem_printf("%u %s VM%s: %s of %s's %s (n=%zu)", row->cell->vms, row->cell->platform,
                      row->cell->vms == 1 ? "" : "s", causes_format(gap, text, sizeof(text)),
                      row->baseline->cell->platform, causes_measure(explanation),
                      explanation->explanation.pairs);
}
