/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/strbuf.h"
#include "report/compare.h"
#include "report/json.h"
#include "report/label.h"
#include "report/number.h"
#include "report/terminal.h"

#define NAME_COLUMNS 41
#define COUNT_COLUMNS 6
#define RATIO_COLUMNS 21

static void put_side(const struct terminal *terminal, char side, const struct report *report)
{
    CLEANUP_FREE char *text =
        mem_printf("%c: campaign %" PRId64 " '%s' of %s", side, report->campaign.id,
                   report->campaign.name, report->store_path);
    terminal_put_wrapped(terminal, text, 0, 4);
    CLEANUP_FREE char *caution = report_caution(report);
    if (!caution)
        return;
    fputs("   ", terminal->out);
    terminal_put_wrapped(terminal, caution, 3, 3);
}

static void put_warnings(const struct terminal *terminal, const struct compare *compare)
{
    for (size_t i = 0; i < compare->difference_count; i++) {
        const struct compare_difference *item = &compare->differences[i];
        CLEANUP_FREE char *text =
            mem_printf("warning: %s differs: A: %s, B: %s", item->name,
                       item->a ? item->a : "not known", item->b ? item->b : "not known");
        terminal_put_wrapped(terminal, text, 0, 4);
    }
}

static char *name_of(const struct report *report, const struct report_row *row)
{
    struct label_variety variety = label_variety_of(report);
    CLEANUP_FREE char *size = label_of_size(&variety, row->cell);
    return mem_printf("%s %s %s/%s", row->cell->platform, size, row->cell->workload,
                      row->metric->name);
}

static void put_change(const struct terminal *terminal, const struct compare *compare,
                       const struct compare_row *row)
{
    char counts[64], ratio[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *name = name_of(compare->a, row->a);
    const struct normalise_change *change = &row->change;
    enum verdict verdict = change->comparison.verdict;
    terminal_put_padded(terminal, name, NAME_COLUMNS);
    snprintf(counts, sizeof(counts), " %zu/%zu", change->before_count, change->after_count);
    terminal_put_padded(terminal, counts, COUNT_COLUMNS);
    fputc(' ', terminal->out);
    terminal_put_padded(terminal, number_format_interval(&change->ratio, ratio), RATIO_COLUMNS);
    fprintf(terminal->out, " %s%s%s\n", terminal_verdict_colour(terminal, verdict),
            row->worse ? "WORSE" : comparison_verdict_text(verdict),
            terminal_paint(terminal, TERMINAL_PLAIN));
}

static void put_changes(const struct terminal *terminal, const struct compare *compare)
{
    terminal_put_rule(terminal);
    fputs(terminal_paint(terminal, TERMINAL_DIM), terminal->out);
    terminal_put_padded(terminal, "platform, VMs, workload/metric", NAME_COLUMNS);
    fprintf(terminal->out, " n A/B  ratio B/A             verdict%s\n",
            terminal_paint(terminal, TERMINAL_PLAIN));
    for (size_t i = 0; i < compare->row_count; i++)
        if (compare->rows[i].a && compare->rows[i].b)
            put_change(terminal, compare, &compare->rows[i]);
}

static size_t put_missing(const struct terminal *terminal, const struct compare *compare)
{
    size_t common = 0;
    for (size_t i = 0; i < compare->row_count; i++) {
        const struct compare_row *row = &compare->rows[i];
        if (row->a && row->b) {
            common++;
            continue;
        }
        CLEANUP_FREE char *name =
            name_of(row->a ? compare->a : compare->b, row->a ? row->a : row->b);
        CLEANUP_FREE char *text = mem_printf("only in %s: %s", row->a ? "A" : "B", name);
        terminal_put_wrapped(terminal, text, 0, 4);
    }
    return common;
}

void compare_put_text(const struct compare *compare, const struct report_style *style, FILE *stream)
{
    const struct terminal terminal = {stream, style};
    put_side(&terminal, 'A', compare->a);
    put_side(&terminal, 'B', compare->b);
    fprintf(stream, "Ratio of performance B/A with %g %% interval: below 1 B is slower.\n",
            compare->level * 100);
    put_warnings(&terminal, compare);
    put_changes(&terminal, compare);
    size_t common = put_missing(&terminal, compare);
    terminal_put_rule(&terminal);
    if (common == 0)
        fputs("The campaigns have no cell in common.\n", stream);
    else if (compare->worse)
        fprintf(stream, "%zu of %zu got worse by more than %g %%.\n", compare->worse, common,
                compare->threshold * 100);
    else
        fprintf(stream, "None of %zu got worse by more than %g %% for certain.\n", common,
                compare->threshold * 100);
}

static json_t *key_of(const struct report_row *row)
{
    const struct store_cell *cell = row->cell;
    return json_pack("{s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:s}", "platform",
                     json_of_text(cell->platform), "vms", (int)cell->vms, "vcpus", (int)cell->vcpus,
                     "memory_bytes", json_of_count(cell->memory_bytes), "workload",
                     json_of_text(cell->workload), "parameters", json_of_text(cell->parameters),
                     "metric", json_of_text(row->metric->name), "unit",
                     json_of_text(row->metric->unit), "better",
                     row->metric->higher_is_better ? "higher" : "lower");
}

static json_t *change_of(const struct compare_row *row)
{
    const struct normalise_change *change = &row->change;
    bool good = change->ratio.state == INTERVAL_OK;
    json_t *object = key_of(row->a);
    CLEANUP_JSON json_t *more =
        json_pack("{s:o, s:o, s:{s:o, s:o, s:s}, s:b}", "a", json_of_value(&row->a->value), "b",
                  json_of_value(&row->b->value), "ratio", "mean",
                  good ? json_of_number(change->ratio.estimate) : json_null(), "ci95",
                  json_of_bounds(&change->ratio), "verdict",
                  comparison_verdict_text(change->comparison.verdict), "worse", row->worse);
    json_object_update(object, more);
    return object;
}

static json_t *side_of(const struct report *report)
{
    CLEANUP_FREE char *caution = report_caution(report);
    return json_pack("{s:o, s:I, s:o, s:o}", "store", json_of_text(report->store_path), "id",
                     (json_int_t)report->campaign.id, "name", json_of_text(report->campaign.name),
                     "caution", json_of_text(caution));
}

void compare_put_json(const struct compare *compare, FILE *stream)
{
    json_t *cells = json_array(), *only_a = json_array(), *only_b = json_array();
    for (size_t i = 0; i < compare->row_count; i++) {
        const struct compare_row *row = &compare->rows[i];
        if (row->a && row->b)
            json_array_append_new(cells, change_of(row));
        else
            json_array_append_new(row->a ? only_a : only_b, key_of(row->a ? row->a : row->b));
    }
    json_t *differences = json_array();
    for (size_t i = 0; i < compare->difference_count; i++)
        json_array_append_new(differences, json_pack("{s:o, s:o, s:o}", "name",
                                                     json_of_text(compare->differences[i].name),
                                                     "a", json_of_text(compare->differences[i].a),
                                                     "b", json_of_text(compare->differences[i].b)));
    CLEANUP_JSON json_t *root = json_pack(
        "{s:s, s:i, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "format", "vtax-compare",
        "version", 1, "a", side_of(compare->a), "b", side_of(compare->b), "threshold",
        compare->threshold, "level", compare->level, "cells", cells, "only_a", only_a, "only_b",
        only_b, "differences", differences, "worse", json_of_count(compare->worse));
    json_put(root, stream);
}
