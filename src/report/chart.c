/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/chart.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"
#include "report/escape.h"
#include "report/json.h"
#include "report/label.h"
#include "report/number.h"

#define ROWS_MAX 16     /* of a chart with one row a cell; more go into columns */
#define POINTS_MAX 4000 /* dots in one chart; of more, every second, third, ... is drawn */

/* A chart that is being made. */
struct chart {
    json_t *rows;
    json_t *points;
    json_t *series; /* labels in order of appearance */
    json_t *vms;
    double largest_value; /* of means and dots */
    double largest_bound; /* of intervals */
    size_t stride;
    size_t seen;
};

/* Names as they are shown: what would play tricks with a reader's eyes is taken out. */
static json_t *shown(const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, true);
    return json_string(buf.text);
}

static struct chart chart_new(size_t points)
{
    return (struct chart){
        .rows = json_array(),
        .points = json_array(),
        .series = json_array(),
        .vms = json_array(),
        .stride = points / POINTS_MAX + 1,
    };
}

char *chart_series_label(const struct report *report, const struct store_cell *cell)
{
    struct label_variety variety = label_variety_of(report);
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_adds(&buf, cell->platform);
    if (variety.vcpus)
        strbuf_addf(&buf, ", %u vCPU%s", cell->vcpus, cell->vcpus == 1 ? "" : "s");
    char text[UNITS_TEXT_MAX];
    if (variety.memory)
        strbuf_addf(&buf, ", %s", units_format_size(cell->memory_bytes, text));
    return strbuf_take(&buf);
}

/* Takes value; what is there already is not added again. */
static void add_once(json_t *array, json_t *value)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_equal(json_array_get(array, i), value)) {
            json_decref(value);
            return;
        }
    json_array_append_new(array, value);
}

/* What the rows and dots of a cell have in common. */
static json_t *mark_of(struct chart *chart, const struct report *report,
                       const struct store_cell *cell)
{
    CLEANUP_FREE char *series = chart_series_label(report, cell);
    CLEANUP_FREE char *label = mem_printf("%u \u00d7 %s", cell->vms, series);
    add_once(chart->series, shown(series));
    add_once(chart->vms, json_integer(cell->vms));
    return json_pack("{s:o, s:o, s:i}", "series", shown(series), "label", shown(label), "vms",
                     (int)cell->vms);
}

static void add_row(struct chart *chart, json_t *mark, const struct report_value *value)
{
    bool has_interval = value->interval.state == INTERVAL_OK;
    char text[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *tip =
        mem_printf("%s: %s, n=%zu", json_string_value(json_object_get(mark, "label")),
                   number_format_value(value, text), value->n);
    json_object_set_new(mark, "mean", json_of_number(value->mean));
    json_object_set_new(mark, "lo", json_of_number(has_interval ? value->interval.lo : NAN));
    json_object_set_new(mark, "hi", json_of_number(has_interval ? value->interval.hi : NAN));
    json_object_set_new(mark, "interval", json_boolean(has_interval));
    json_object_set_new(mark, "tip", shown(tip));
    json_array_append_new(chart->rows, mark);
    chart->largest_value = fmax(chart->largest_value, value->n ? value->mean : 0);
    if (has_interval)
        chart->largest_bound = fmax(chart->largest_bound, value->interval.hi);
}

struct dot {
    double value;
    bool outlier;
    const char *what; /* "block" */
    uint64_t number;
};

static void add_dot(struct chart *chart, const json_t *mark, const struct dot *dot)
{
    chart->largest_value = fmax(chart->largest_value, dot->value);
    if (chart->seen++ % chart->stride != 0)
        return;
    char text[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *tip =
        mem_printf("%s, %s %" PRIu64 ": %s%s", json_string_value(json_object_get(mark, "label")),
                   dot->what, dot->number, number_format_plain(dot->value, text),
                   dot->outlier ? " (outlier, counted)" : "");
    json_array_append_new(
        chart->points,
        json_pack("{s:O, s:O, s:O, s:o, s:b, s:o}", "series", json_object_get(mark, "series"),
                  "label", json_object_get(mark, "label"), "vms", json_object_get(mark, "vms"),
                  "value", json_of_number(dot->value), "outlier", dot->outlier, "tip", shown(tip)));
}

/* Wide intervals of few values may leave the picture; the dots may not. */
static double limit_of(const struct chart *chart, double least)
{
    double limit = fmax(least, chart->largest_value * 1.05);
    double wanted = chart->largest_bound * 1.02;
    return fmax(limit, fmin(wanted, chart->largest_value * 1.5));
}

static size_t finish(struct chart_list *list, struct chart *chart, const char *spec,
                     json_t *signals)
{
    if (!list->charts)
        list->charts = json_array();
    list->count++;
    size_t marks = json_array_size(chart->points) + json_array_size(chart->rows);
    json_object_set_new(signals, "series", chart->series);
    json_object_set_new(signals, "vms", chart->vms);
    json_array_append_new(list->charts,
                          json_pack("{s:o, s:s, s:i, s:{s:o, s:o}, s:o}", "id",
                                    json_sprintf("chart-%zu", list->count), "spec", spec, "marks",
                                    (int)marks, "data", "rows", chart->rows, "points",
                                    chart->points, "signals", signals));
    return list->count;
}

static size_t drop(struct chart *chart)
{
    json_decref(chart->rows);
    json_decref(chart->points);
    json_decref(chart->series);
    json_decref(chart->vms);
    return 0;
}

static struct report_value value_of_ratio(const struct normalise_result *result)
{
    bool single = result->ratio.state != INTERVAL_OK && result->pairs == 1;
    return (struct report_value){
        .n = result->pairs,
        .mean = single ? result->points[0].value : result->ratio.estimate,
        .interval = result->ratio,
    };
}

size_t chart_add_normalised(struct chart_list *list, const struct report *report,
                            const struct report_row *rows, size_t count)
{
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++)
        pairs += rows[i].normalised.pairs;
    if (pairs == 0)
        return 0;
    struct chart chart = chart_new(pairs);
    for (size_t i = 0; i < count; i++) {
        const struct normalise_result *result = &rows[i].normalised;
        if (result->pairs == 0)
            continue;
        struct report_value value = value_of_ratio(result);
        json_t *mark = mark_of(&chart, report, rows[i].cell);
        for (size_t j = 0; j < result->pairs; j++)
            add_dot(&chart, mark,
                    &(struct dot){result->points[j].value, result->points[j].outlier, "block",
                                  result->points[j].block});
        add_row(&chart, mark, &value);
    }
    const struct report_row *baseline = rows[0].baseline ? rows[0].baseline : &rows[0];
    CLEANUP_FREE char *title =
        mem_printf("performance relative to %s (1)", baseline->cell->platform);
    const char *spec = json_array_size(chart.rows) > ROWS_MAX ? "columns" : "rows";
    return finish(list, &chart, spec,
                  json_pack("{s:f, s:f, s:o, s:b}", "limit", limit_of(&chart, 1.1), "margin",
                            report->margin, "title", shown(title), "reference", true));
}

size_t chart_add_scaling(struct chart_list *list, const struct report *report,
                         const struct report_row *rows, size_t count, bool consolidated)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < count; i++) {
        const struct report_value *value = consolidated ? &rows[i].consolidated : &rows[i].value;
        if (value->n)
            add_row(&chart, mark_of(&chart, report, rows[i].cell), value);
    }
    if (json_array_size(chart.vms) < 2)
        return drop(&chart);
    CLEANUP_FREE char *unit = report_consolidated_unit(rows[0].metric);
    CLEANUP_FREE char *title =
        mem_printf("%s, %s", consolidated ? "all machines together" : "one machine",
                   consolidated ? unit : rows[0].metric->unit);
    return finish(list, &chart, "lines",
                  json_pack("{s:f, s:o}", "limit", limit_of(&chart, 1e-12), "title", shown(title)));
}

size_t chart_add_boots(struct chart_list *list, const struct report *report)
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
        json_t *mark = mark_of(&chart, report, boot->cell);
        for (size_t j = 0; j < boot->value.n; j++)
            add_dot(&chart, mark, &(struct dot){boot->points[j], false, "boot", j + 1});
        add_row(&chart, mark, &boot->value);
    }
    bool many = json_array_size(chart.rows) > ROWS_MAX && json_array_size(chart.vms) > 1;
    return finish(list, &chart, many ? "lines" : "rows",
                  json_pack("{s:f, s:s, s:b}", "limit", limit_of(&chart, 1e-3), "title",
                            "boot time, s", "reference", false));
}

json_t *chart_take_data(struct chart_list *list, const struct report *report)
{
    json_t *series = json_array();
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        const struct store_cell *cell = &report->campaign.cells[i];
        CLEANUP_FREE char *label = chart_series_label(report, cell);
        if (!cell->is_baseline)
            add_once(series, shown(label));
    }
    json_t *charts = list->charts ? TAKE_PTR(list->charts) : json_array();
    return json_pack("{s:o, s:o}", "series", series, "charts", charts);
}
