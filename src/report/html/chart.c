/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html/chart.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"
#include "report/designs.h"
#include "report/escape.h"
#include "report/json.h"
#include "report/label.h"
#include "report/number.h"

#define POINTS_MAX 4000 /* dots in one chart; of more, every second, third, ... is drawn */

json_t *chart_shown(const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, true);
    return json_string(buf.text);
}

struct chart chart_new(size_t points)
{
    return (struct chart){
        .rows = json_array(),
        .points = json_array(),
        .series = json_array(),
        .groups = json_array(),
        .vms = json_array(),
        .smallest_value = INFINITY,
        .stride = points / POINTS_MAX + 1,
    };
}

static char *series_label(const struct report *report, const struct store_cell *cell)
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
    if (report->is_marked || (report->is_other && cell->is_baseline))
        strbuf_addf(&buf, " (campaign %" PRId64 ")", report->campaign.id);
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

static void add_vms(json_t *array, unsigned vms)
{
    size_t at = 0;
    while (at < json_array_size(array) &&
           json_integer_value(json_array_get(array, at)) < (json_int_t)vms)
        at++;
    if (at == json_array_size(array) ||
        json_integer_value(json_array_get(array, at)) != (json_int_t)vms)
        json_array_insert_new(array, at, json_integer(vms));
}

json_t *chart_mark_named(struct chart *chart, const char *series, const char *label, unsigned vms)
{
    add_once(chart->series, chart_shown(series));
    add_vms(chart->vms, vms);
    return json_pack("{s:o, s:o, s:I, s:I}", "series", chart_shown(series), "label",
                     chart_shown(label), "vms", (json_int_t)vms, "group", (json_int_t)vms);
}

json_t *chart_mark(struct chart *chart, const struct report *report, const struct store_cell *cell)
{
    CLEANUP_FREE char *series = series_label(report, cell);
    CLEANUP_FREE char *label = mem_printf("%u \u00d7 %s", cell->vms, series);
    return chart_mark_named(chart, series, label, cell->vms);
}

void chart_set_group(struct chart *chart, json_t *mark, const char *group)
{
    add_once(chart->groups, chart_shown(group));
    json_object_set_new(mark, "group", chart_shown(group));
}

static void see(struct chart *chart, double value)
{
    chart->largest_value = fmax(chart->largest_value, value);
    if (value > 0)
        chart->smallest_value = fmin(chart->smallest_value, value);
}

void chart_add_row(struct chart *chart, json_t *mark, const struct report_value *value)
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
    json_object_set_new(mark, "tip", chart_shown(tip));
    json_array_append_new(chart->rows, mark);
    if (value->n)
        see(chart, value->mean);
    if (has_interval)
        chart->largest_bound = fmax(chart->largest_bound, value->interval.hi);
}

void chart_add_dot(struct chart *chart, const json_t *mark, const struct chart_dot *dot)
{
    see(chart, dot->value);
    if (chart->seen++ % chart->stride != 0)
        return;
    char text[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *tip =
        mem_printf("%s, %s %" PRIu64 ": %s%s", json_string_value(json_object_get(mark, "label")),
                   dot->what, dot->number, number_format_plain(dot->value, text),
                   dot->outlier ? " (outlier, counted)" : "");
    json_array_append_new(
        chart->points,
        json_pack("{s:O, s:O, s:O, s:O, s:o, s:b, s:o}", "series", json_object_get(mark, "series"),
                  "label", json_object_get(mark, "label"), "vms", json_object_get(mark, "vms"),
                  "group", json_object_get(mark, "group"), "value", json_of_number(dot->value),
                  "outlier", dot->outlier, "tip", chart_shown(tip)));
}

double chart_limit(const struct chart *chart, double least)
{
    double limit = fmax(least, chart->largest_value * 1.05);
    double wanted = chart->largest_bound * 1.02;
    return fmax(limit, fmin(wanted, chart->largest_value * 1.5));
}

size_t chart_finish(struct chart_list *list, struct chart *chart, const char *spec, json_t *signals)
{
    if (!list->charts)
        list->charts = json_array();
    list->count++;
    size_t marks = json_array_size(chart->points) + json_array_size(chart->rows);
    json_object_set_new(signals, "series", chart->series);
    bool by_vms = json_array_size(chart->groups) == 0;
    json_object_set(signals, "groups", by_vms ? chart->vms : chart->groups);
    json_object_set_new(signals, "vms", chart->vms);
    json_decref(chart->groups);
    json_array_append_new(list->charts,
                          json_pack("{s:o, s:s, s:i, s:{s:o, s:o}, s:o}", "id",
                                    json_sprintf("chart-%zu", list->count), "spec", spec, "marks",
                                    (int)marks, "data", "rows", chart->rows, "points",
                                    chart->points, "signals", signals));
    return list->count;
}

size_t chart_drop(struct chart *chart)
{
    json_decref(chart->rows);
    json_decref(chart->points);
    json_decref(chart->series);
    json_decref(chart->groups);
    json_decref(chart->vms);
    return 0;
}

static void add_series_of(json_t *series, const struct report *report)
{
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        const struct store_cell *cell = &report->campaign.cells[i];
        CLEANUP_FREE char *label = series_label(report, cell);
        if (!cell->is_baseline)
            add_once(series, chart_shown(label));
    }
}

json_t *chart_take_data(struct chart_list *list, const struct report *report)
{
    json_t *series = json_array();
    for (size_t i = 0; report_part(report, i); i++)
        add_series_of(series, report_part(report, i));
    /* "none" is what designs are compared with: it has the baseline's colour. */
    for (size_t i = 1; report->designs && measure_designs[i]; i++)
        add_once(series, json_string(measure_designs[i]));
    json_t *charts = list->charts ? TAKE_PTR(list->charts) : json_array();
    return json_pack("{s:o, s:o}", "series", series, "charts", charts);
}

bool chart_is_used(const json_t *data, const char *spec)
{
    const json_t *charts = json_object_get(data, "charts");
    for (size_t i = 0; i < json_array_size(charts); i++) {
        const json_t *used = json_object_get(json_array_get(charts, i), "spec");
        if (strcmp(json_string_value(used), spec) == 0)
            return true;
    }
    return false;
}
