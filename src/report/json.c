/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/causes-write.h"
#include "report/designs.h"
#include "report/count.h"
#include "report/escape.h"
#include "report/format.h"
#include "report/label.h"

json_t *json_of_text(const char *text)
{
    if (!text)
        return json_null();
    CLEANUP_FREE char *valid = escape_utf8(text);
    return json_string(valid);
}

json_t *json_of_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_of_count(uint64_t count)
{
    if (count <= INT64_MAX)
        return json_integer((json_int_t)count);
    return json_sprintf("%" PRIu64, count);
}

json_t *json_of_bounds(const struct interval *interval)
{
    if (interval->state != INTERVAL_OK)
        return json_null();
    return json_pack("[o, o]", json_of_number(interval->lo), json_of_number(interval->hi));
}

json_t *json_of_value(const struct report_value *value)
{
    return json_pack("{s:o, s:o, s:o}", "n", json_of_count(value->n), "mean",
                     json_of_number(value->mean), "ci95", json_of_bounds(&value->interval));
}

json_t *json_of_facts(const struct store_fact *facts, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        CLEANUP_FREE char *name = escape_utf8(facts[i].name);
        json_object_set_new(object, name, json_of_text(facts[i].value));
    }
    return object;
}

static json_t *campaign_of(const struct report *report)
{
    const struct store_campaign *campaign = &report->campaign;
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "id", json_integer(campaign->id), "name",
        json_of_text(campaign->name), "seed", json_of_count(campaign->seed), "complete",
        campaign->complete, "end_cause", json_of_text(campaign->end_cause), "start_ns",
        json_of_count(campaign->start_ns), "end_ns",
        campaign->end_ns ? json_of_count(campaign->end_ns) : json_null(), "plan_digest",
        json_of_text(campaign->plan_digest), "blocks", json_of_count(report->blocks));
}

static json_t *points_of(const struct normalise_result *result)
{
    json_t *array = json_array();
    for (size_t i = 0; i < result->pairs; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:b}", "block",
                                               json_of_count(result->points[i].block), "value",
                                               json_of_number(result->points[i].value), "outlier",
                                               result->points[i].outlier));
    return array;
}

/* 1 by definition for the baseline. */
static json_t *normalised_of_baseline(const struct report_row *row)
{
    if (row->value.n == 0)
        return json_pack("{s:i, s:n, s:n, s:s}", "n", 0, "mean", "ci95", "verdict", "undecided");
    return json_pack("{s:o, s:f, s:[f, f], s:s}", "n", json_of_count(row->value.n), "mean", 1.0,
                     "ci95", 1.0, 1.0, "verdict", "same");
}

static json_t *normalised_of(const struct report_row *row)
{
    if (row->baseline == row)
        return normalised_of_baseline(row);
    const struct normalise_result *result = &row->normalised;
    double mean = result->ratio.estimate;
    if (result->ratio.state != INTERVAL_OK)
        mean = result->pairs == 1 ? result->points[0].value : NAN;
    return json_pack(
        "{s:o, s:o, s:o, s:s, s:{s:o, s:o, s:s}, s:b, s:o}", "n", json_of_count(result->pairs),
        "mean", json_of_number(mean), "ci95", json_of_bounds(&result->ratio), "verdict",
        comparison_verdict_text(result->comparison.verdict), "bootstrap", "mean",
        json_of_number(result->bca.state == INTERVAL_OK ? result->bca.estimate : NAN), "ci95",
        json_of_bounds(&result->bca), "verdict", comparison_verdict_text(result->bca_verdict),
        "disagree", result->disagree, "points", points_of(result));
}

static json_t *consolidated_of(const struct report_row *row)
{
    CLEANUP_FREE char *unit = report_consolidated_unit(row->metric);
    json_t *object = json_of_value(&row->consolidated);
    json_object_set_new(object, "unit", json_of_text(unit));
    return object;
}

static json_t *cell_of(const struct store_cell *cell)
{
    return json_pack(
        "{s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "platform", json_of_text(cell->platform),
        "platform_kind", json_of_text(cell->platform_kind), "vms", (int)cell->vms, "vcpus",
        (int)cell->vcpus, "memory_bytes", json_of_count(cell->memory_bytes), "workload",
        json_of_text(cell->workload), "workload_kind", json_of_text(cell->workload_kind),
        "parameters", json_of_text(cell->parameters));
}

static json_t *row_of(const struct report *report, const struct report_row *row)
{
    json_t *object = cell_of(row->cell);
    CLEANUP_FREE char *sentence = report_sentence(report, row);
    CLEANUP_JSON json_t *more = json_pack(
        "{s:b, s:o, s:o, s:s, s:b, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o}", "baseline",
        row->cell->is_baseline, "metric", json_of_text(row->metric->name), "unit",
        json_of_text(row->metric->unit), "better",
        row->metric->higher_is_better ? "higher" : "lower", "primary", row->metric->primary,
        "trials", "ok", json_of_count(row->counts[TRIAL_OK]), "failed",
        json_of_count(row->counts[TRIAL_FAILED]), "invalid",
        json_of_count(row->counts[TRIAL_INVALID]), "outliers", json_of_count(row->outliers),
        "value", json_of_value(&row->value), "consolidated", consolidated_of(row), "normalised",
        normalised_of(row), "sentence", json_of_text(sentence));
    json_object_update(object, more);
    return object;
}

static json_t *boot_of(const struct report_boot *boot)
{
    return json_pack("{s:o, s:i, s:i, s:o, s:o, s:o}", "platform",
                     json_of_text(boot->cell->platform), "vms", (int)boot->cell->vms, "vcpus",
                     (int)boot->cell->vcpus, "memory_bytes",
                     json_of_count(boot->cell->memory_bytes), "seconds",
                     json_of_value(&boot->value), "longest", json_of_number(boot->longest));
}

static json_t *figure_of(const struct report_figure *figure)
{
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o}", "cell", json_of_count(figure->cell->index), "name",
        json_of_text(figure->name), "of", figure->whole_trial ? "trial" : "machine", "value",
        json_of_value(&figure->value), "missing_count", json_of_count(figure->missing_count),
        "missing", json_of_text(figure->missing));
}

static json_t *figure_points_of(const struct report_figure *figure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < figure->value.n; i++)
        json_array_append_new(array, json_pack("{s:o, s:o}", "block",
                                               json_of_count(figure->points[i].block), "value",
                                               json_of_number(figure->points[i].value)));
    return array;
}

static json_t *relative_of(const struct normalise_result *result)
{
    double mean = result->ratio.estimate;
    if (result->ratio.state != INTERVAL_OK)
        mean = result->pairs == 1 ? result->points[0].value : NAN;
    return json_pack("{s:o, s:o, s:o}", "n", json_of_count(result->pairs), "mean",
                     json_of_number(mean), "ci95", json_of_bounds(&result->ratio));
}

static json_t *count_of(const struct report_count *count, const struct report_figure *figure)
{
    json_t *object = cell_of(figure->cell);
    CLEANUP_JSON json_t *more = json_pack(
        "{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "count", json_of_text(count->name), "of",
        json_of_text(count->kind->title), "part", json_of_text(count->part), "per",
        count->whole_trial ? "trial" : "machine", "value", json_of_value(&figure->value),
        "relative", relative_of(&figure->relative), "points", figure_points_of(figure),
        "missing_count", json_of_count(figure->missing_count), "missing",
        json_of_text(figure->missing));
    json_object_update(object, more);
    return object;
}

static json_t *counts_of(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->count_count; i++)
        for (size_t j = 0; j < report->counts[i].item_count; j++)
            json_array_append_new(array, count_of(&report->counts[i], report->counts[i].items[j]));
    return array;
}

static json_t *consoles_of(const struct store_trial *trial)
{
    json_t *array = json_array();
    for (size_t i = 0; i < trial->machine_count; i++)
        if (trial->machines[i].console_tail)
            json_array_append_new(array,
                                  json_pack("{s:i, s:o}", "machine", (int)trial->machines[i].index,
                                            "text", json_of_text(trial->machines[i].console_tail)));
    return array;
}

static json_t *problems_of(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->trial_count; i++) {
        const struct store_trial *trial = &report->trials[i];
        const struct store_cell *cell = label_find_cell(report, trial->cell_id);
        if (trial->status == TRIAL_OK || !cell)
            continue;
        json_array_append_new(
            array, json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "trial", json_integer(trial->id),
                             "block", json_of_count(trial->block), "cell", cell_of(cell), "status",
                             trial_status_names[trial->status], "cause", json_of_text(trial->cause),
                             "consoles", consoles_of(trial)));
    }
    return array;
}

static json_t *variations_of(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->variation_count; i++) {
        const struct report_variation *item = &report->variations[i];
        json_t *values = json_array();
        for (size_t j = 0; j < item->value_count; j++)
            json_array_append_new(values, json_of_text(item->values[j]));
        json_array_append_new(
            array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_of_text(item->name),
                             "trials", json_of_count(item->trials), "values", values, "min",
                             json_of_number(item->numeric ? item->min : NAN), "max",
                             json_of_number(item->numeric ? item->max : NAN)));
    }
    return array;
}

static json_t *rows_of(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->row_count; i++)
        json_array_append_new(array, row_of(report, &report->rows[i]));
    return array;
}

static json_t *others_of(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->other_count; i++) {
        const struct report *other = report->others[i];
        CLEANUP_FREE char *caution = report_caution(other);
        json_array_append_new(array, json_pack("{s:o, s:s?, s:s, s:o, s:o}", "campaign",
                                               campaign_of(other), "caution", caution, "main",
                                               other->emulated ? "counts" : "metrics", "counts",
                                               counts_of(other), "cells", rows_of(other)));
    }
    return array;
}

json_t *json_of_designs(const struct report_designs *designs)
{
    if (!designs)
        return json_null();
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return json_null();
    contrast_write_json(&designs->contrast, out);
    fclose(out);
    json_t *object = json_loadb(text, length, 0, NULL);
    json_object_set_new(object, "comparison", json_integer(designs->archive.comparison.id));
    json_object_set_new(object, "start_ns", json_of_count(designs->archive.comparison.start_ns));
    return object;
}

json_t *json_of_report(const struct report *report)
{
    json_t *boots = json_array(), *figures = json_array();
    for (size_t i = 0; i < report->boot_count; i++)
        json_array_append_new(boots, boot_of(&report->boots[i]));
    for (size_t i = 0; i < report->figure_count; i++)
        json_array_append_new(figures, figure_of(&report->figures[i]));
    CLEANUP_FREE char *caution = report_caution(report);
    return json_pack(
        "{s:s, s:i, s:o, s:s?, s:{s:f, s:b, s:f}, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:{s:o, s:o}, s:o}",
        "format", "vtax-report", "version", 1, "campaign", campaign_of(report), "caution", caution,
        "analysis", "level", report->level, "adaptive", report->adaptive, "margin", report->margin,
        "main", report->emulated ? "counts" : "metrics", "counts", counts_of(report), "cells",
        rows_of(report), "boots", boots, "figures", figures, "explanations",
        json_of_explanations(report), "shop", json_of_shop(report->shop), "designs",
        json_of_designs(report->designs), "problems", problems_of(report), "provenance", "same",
        json_of_facts(report->same, report->same_count), "varying", variations_of(report), "others",
        others_of(report));
}

void json_put(json_t *root, FILE *stream)
{
    json_dumpf(root, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    fputc('\n', stream);
}

void format_json(const struct report *report, const struct report_style *style, FILE *stream)
{
    (void)style;
    CLEANUP_JSON json_t *root = json_of_report(report);
    json_put(root, stream);
}
