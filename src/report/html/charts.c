/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html/charts.h"

#include <math.h>
#include <string.h>

#include "report/count.h"
#include "report/designs.h"
#include "report/json.h"

#define PARTS_MAX 8 /* as many as there are colours; the table has all */
#define ROWS_MAX 16 /* of a chart with one row a cell; more go into columns */

static struct report_value value_of_ratio(const struct normalise_result *result)
{
    bool single = result->ratio.state != INTERVAL_OK && result->pairs == 1;
    return (struct report_value){
        .n = result->pairs,
        .mean = single ? result->points[0].value : result->ratio.estimate,
        .interval = result->ratio,
    };
}

/* The mean and every pair of a row. */
static void add_ratio(struct chart *chart, json_t *mark, const struct normalise_result *result)
{
    struct report_value value = value_of_ratio(result);
    for (size_t i = 0; i < result->pairs; i++)
        chart_add_dot(chart, mark,
                      &(struct chart_dot){result->points[i].value, result->points[i].outlier,
                                          "block", result->points[i].block});
    chart_add_row(chart, mark, &value);
}

size_t charts_add_normalised(struct chart_list *list, const struct report *report,
                             const struct report_row *rows, size_t count)
{
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++)
        pairs += rows[i].normalised.pairs;
    if (pairs == 0)
        return 0;
    struct chart chart = chart_new(pairs);
    for (size_t i = 0; i < count; i++)
        if (rows[i].normalised.pairs)
            add_ratio(&chart, chart_mark(&chart, report, rows[i].cell), &rows[i].normalised);
    const struct report_row *baseline = rows[0].baseline ? rows[0].baseline : &rows[0];
    CLEANUP_FREE char *title =
        mem_printf("performance relative to %s (1)", baseline->cell->platform);
    const char *spec = json_array_size(chart.rows) > ROWS_MAX ? "columns" : "rows";
    return chart_finish(list, &chart, spec,
                        json_pack("{s:f, s:f, s:o, s:b}", "limit", chart_limit(&chart, 1.1),
                                  "margin", report->margin, "title", chart_shown(title),
                                  "reference", true));
}

size_t charts_add_scaling(struct chart_list *list, const struct report *report,
                          const struct report_row *rows, size_t count, bool consolidated)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < count; i++) {
        const struct report_value *value = consolidated ? &rows[i].consolidated : &rows[i].value;
        if (value->n)
            chart_add_row(&chart, chart_mark(&chart, report, rows[i].cell), value);
    }
    if (json_array_size(chart.vms) < 2)
        return chart_drop(&chart);
    CLEANUP_FREE char *unit = report_consolidated_unit(rows[0].metric);
    CLEANUP_FREE char *title =
        mem_printf("%s, %s", consolidated ? "all machines together" : "one machine",
                   consolidated ? unit : rows[0].metric->unit);
    return chart_finish(
        list, &chart, "lines",
        json_pack("{s:f, s:o}", "limit", chart_limit(&chart, 1e-12), "title", chart_shown(title)));
}

size_t charts_add_boots(struct chart_list *list, const struct report *report)
{
    size_t points = 0;
    for (size_t i = 0; i < report->boot_count; i++)
        points += report->boots[i].value.n;
    if (points == 0)
        return 0;
    struct chart chart = chart_new(points);
    for (size_t i = 0; i < report->boot_count; i++) {
        const struct report_boot *boot = &report->boots[i];
        if (boot->value.n == 0)
            continue;
        json_t *mark = chart_mark(&chart, report, boot->cell);
        for (size_t j = 0; j < boot->value.n; j++)
            chart_add_dot(&chart, mark, &(struct chart_dot){boot->points[j], false, "boot", j + 1});
        chart_add_row(&chart, mark, &boot->value);
    }
    bool many = json_array_size(chart.rows) > ROWS_MAX && json_array_size(chart.vms) > 1;
    return chart_finish(list, &chart, many ? "lines" : "rows",
                        json_pack("{s:f, s:s, s:b}", "limit", chart_limit(&chart, 1e-3), "title",
                                  "boot time, s", "reference", false));
}

/* Two platforms leave a tall picture empty. */
static int height_of(const struct chart *chart)
{
    return json_array_size(chart->series) > 2 ? 320 : 200;
}

/* The workload, and the metric where it has several primary ones. */
static char *name_of_group(const struct report *report, const struct report_row *row)
{
    size_t primaries = 0;
    for (size_t i = 0; i < report->campaign.metric_count; i++)
        primaries += report->campaign.metrics[i].primary &&
                     strcmp(report->campaign.metrics[i].workload, row->cell->workload) == 0;
    return primaries > 1 ? mem_printf("%s: %s", row->cell->workload, row->metric->name)
                         : mem_strdup(row->cell->workload);
}

static size_t count_pairs(const struct report *report)
{
    size_t pairs = 0;
    for (size_t i = 0; report_part(report, i); i++)
        for (size_t j = 0; j < report_part(report, i)->row_count; j++)
            pairs += report_part(report, i)->rows[j].normalised.pairs;
    return pairs;
}

static void add_overview_of(struct chart *chart, const struct report *report, unsigned vms)
{
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (!row->metric->primary || row->cell->vms != vms || row->normalised.pairs == 0)
            continue;
        json_t *mark = chart_mark(chart, report, row->cell);
        CLEANUP_FREE char *group = name_of_group(report, row);
        chart_set_group(chart, mark, group);
        add_ratio(chart, mark, &row->normalised);
    }
}

/* One workload alone has the same picture in its own section. */
static bool is_worth_showing(const struct report *report, const struct chart *chart)
{
    return json_array_size(chart->groups) > (report->other_count ? 0 : 1);
}

static const char *name_of_baseline(const struct report *report)
{
    for (size_t i = 0; i < report->campaign.cell_count; i++)
        if (report->campaign.cells[i].is_baseline)
            return report->campaign.cells[i].platform;
    return "the baseline";
}

size_t charts_add_overview(struct chart_list *list, const struct report *report, unsigned vms)
{
    struct chart chart = chart_new(count_pairs(report));
    for (size_t i = 0; report_part(report, i); i++)
        add_overview_of(&chart, report_part(report, i), vms);
    if (!is_worth_showing(report, &chart))
        return chart_drop(&chart);
    CLEANUP_FREE char *title =
        mem_printf("performance relative to %s (1)", name_of_baseline(report));
    return chart_finish(list, &chart, "columns",
                        json_pack("{s:f, s:f, s:o, s:b, s:s, s:i}", "limit",
                                  chart_limit(&chart, 1.1), "margin", report->margin, "title",
                                  chart_shown(title), "reference", true, "groupTitle", "", "height",
                                  height_of(&chart)));
}

static void add_figure(struct chart *chart, json_t *mark, const struct report_figure *figure)
{
    for (size_t i = 0; i < figure->value.n; i++)
        chart_add_dot(
            chart, mark,
            &(struct chart_dot){figure->points[i].value, false, "block", figure->points[i].block});
    chart_add_row(chart, mark, &figure->value);
}

static size_t finish_lines(struct chart_list *list, const struct report *report,
                           struct chart *chart, const char *what)
{
    if (json_array_size(chart->vms) < 2)
        return chart_drop(chart);
    CLEANUP_FREE char *title = mem_printf("%s relative to %s", what, name_of_baseline(report));
    return chart_finish(
        list, chart, "lines",
        json_pack("{s:f, s:o}", "limit", chart_limit(chart, 1.1), "title", chart_shown(title)));
}

static void add_line_point(struct chart *chart, const struct report *report,
                           const struct store_cell *cell, const struct normalise_result *result)
{
    struct report_value value = value_of_ratio(result);
    if (value.n)
        chart_add_row(chart, chart_mark(chart, report, cell), &value);
}

size_t charts_add_scaling_overview(struct chart_list *list, const struct report *report,
                                   const struct store_metric *metric)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; report_part(report, i); i++) {
        const struct report *part = report_part(report, i);
        for (size_t j = 0; j < part->row_count; j++) {
            const struct report_row *row = &part->rows[j];
            if (strcmp(row->metric->workload, metric->workload) == 0 &&
                strcmp(row->metric->name, metric->name) == 0)
                add_line_point(&chart, part, row->cell, &row->normalised);
        }
    }
    return finish_lines(list, report, &chart, "performance");
}

size_t charts_add_instructions_overview(struct chart_list *list, const struct report *report,
                                        const char *workload)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; report_part(report, i); i++) {
        const struct report *part = report_part(report, i);
        for (size_t j = 0; j < part->count_count; j++) {
            const struct report_count *count = &part->counts[j];
            if (strcmp(count->workload, workload) != 0 || strcmp(count->name, "instructions") != 0)
                continue;
            for (size_t k = 0; k < count->item_count; k++)
                add_line_point(&chart, part, count->items[k]->cell, &count->items[k]->relative);
        }
    }
    return finish_lines(list, report, &chart, "instructions");
}

static json_t *title_of_count(const struct report_count *count)
{
    return json_sprintf("%s of one %s", count->kind->title,
                        count->whole_trial ? "trial" : "machine");
}

static void add_counts_of(struct chart *chart, const struct report *report,
                          const struct report_count *like, unsigned vms)
{
    for (size_t i = 0; i < report->count_count; i++) {
        const struct report_count *count = &report->counts[i];
        if (strcmp(count->name, like->name) != 0 || count->whole_trial != like->whole_trial)
            continue;
        for (size_t j = 0; j < count->item_count; j++) {
            const struct report_figure *figure = count->items[j];
            if (figure->cell->vms != vms || figure->value.n == 0 || !(figure->value.mean > 0))
                continue;
            json_t *mark = chart_mark(chart, report, figure->cell);
            chart_set_group(chart, mark, count->workload);
            add_figure(chart, mark, figure);
        }
    }
}

size_t charts_add_count_overview(struct chart_list *list, const struct report *report,
                                 const struct report_count *count, unsigned vms)
{
    size_t trials = 0;
    for (size_t i = 0; report_part(report, i); i++)
        trials += report_part(report, i)->trial_count;
    struct chart chart = chart_new(trials);
    for (size_t i = 0; report_part(report, i); i++)
        add_counts_of(&chart, report_part(report, i), count, vms);
    if (!is_worth_showing(report, &chart))
        return chart_drop(&chart);
    return chart_finish(list, &chart, "columns",
                        json_pack("{s:f, s:f, s:o, s:b, s:s, s:s, s:i}", "floor",
                                  chart.smallest_value / 1.5, "limit", chart.largest_value * 1.5,
                                  "title", title_of_count(count), "reference", false, "scale",
                                  "log", "groupTitle", "", "height", height_of(&chart)));
}

size_t charts_add_count(struct chart_list *list, const struct report *report,
                        const struct report_count *count)
{
    if (count->valued == 0)
        return 0;
    struct chart chart = chart_new(report->trial_count);
    for (size_t i = 0; i < count->item_count; i++)
        if (count->items[i]->value.n)
            add_figure(&chart, chart_mark(&chart, report, count->items[i]->cell), count->items[i]);
    bool many = json_array_size(chart.rows) > ROWS_MAX && json_array_size(chart.vms) > 1;
    return chart_finish(list, &chart, many ? "lines" : "rows",
                        json_pack("{s:f, s:o, s:b}", "limit", chart_limit(&chart, 1e-3), "title",
                                  title_of_count(count), "reference", false));
}

/* A part's name is its colour here. */
static void add_part(struct chart *chart, const struct report *report,
                     const struct report_count *part, const struct report_figure *figure)
{
    json_t *mark = chart_mark(chart, report, figure->cell);
    chart_set_group(chart, mark, part->part);
    chart_add_row(chart, mark, &figure->value);
}

size_t charts_add_parts(struct chart_list *list, const struct report *report,
                        const struct report_count *parts, size_t part_count)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < part_count && i < PARTS_MAX; i++)
        for (size_t j = 0; j < parts[i].item_count; j++)
            if (parts[i].items[j]->value.n && parts[i].items[j]->value.mean > 0)
                add_part(&chart, report, &parts[i], parts[i].items[j]);
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    size_t lanes = 0; /* cells with a bar */
    for (size_t j = 0; j < part_count; j++)
        lanes = parts[j].valued > lanes ? parts[j].valued : lanes;
    return chart_finish(
        list, &chart, "bars",
        json_pack("{s:o, s:i}", "title", title_of_count(&parts[0]), "lanes", (int)lanes));
}

/* A label is split behind its colon. */
static void add_design(struct chart *chart, const struct contrast_cell *cell, bool several)
{
    const struct report_value value = designs_value(cell, CONTRAST_SLOWDOWN);
    const char *work = measure_works[cell->work], *design = measure_designs[cell->design];
    if (value.n == 0)
        return;
    CLEANUP_FREE char *label =
        mem_printf("%s, %u VM%s, %s", work, cell->vms, cell->vms == 1 ? "" : "s", design);
    CLEANUP_FREE char *group =
        several ? mem_printf("%s: %u VM%s", work, cell->vms, cell->vms == 1 ? "" : "s")
                : mem_strdup(work);
    json_t *mark = chart_mark_named(chart, design, label, cell->vms);
    chart_set_group(chart, mark, group);
    chart_add_row(chart, mark, &value);
}

size_t charts_add_designs(struct chart_list *list, const struct report *report)
{
    const struct contrast *contrast = &report->designs->contrast;
    unsigned most = designs_most_vms(report->designs);
    struct chart chart = chart_new(0);
    for (unsigned vms = 1; vms <= most; vms++)
        for (size_t i = 0; i < contrast->count; i++)
            if (contrast->cells[i].vms == vms)
                add_design(&chart, &contrast->cells[i], most > 1);
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    return chart_finish(list, &chart, "columns",
                        json_pack("{s:f, s:f, s:s, s:b, s:s, s:i}", "limit",
                                  chart_limit(&chart, 1.1), "margin", report->margin, "title",
                                  "instructions, 1 = without counters", "reference", true,
                                  "groupTitle", "", "height", 320));
}
