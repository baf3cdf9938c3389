/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "study/contrast.h"

#define NAME_COLUMNS 25
#define VALUE_COLUMNS 22

const char *const contrast_sight_sentence =
    "What the server's own perf stat counts while guests use theirs. With the extension the "
    "hypervisor has the ledger for the guests besides.";
const char *const contrast_slowdown_sentence =
    "Slowdown: instructions of the whole machine, in terms of those for the same work without "
    "counters; of the last three works, in terms of the loop that nobody counts. "
    "Mediated has another Linux (7) than the others: part of its difference.";
static const char *const numbers_sentence =
    "Means with the half width of their 95 % interval, as a share of the mean where that is not 0. "
    "Counts of an emulated server: they say nothing about time on silicon.";

const char *contrast_format(const struct contrast_value *value, enum contrast_metric metric,
                            char out_text[CONTRAST_TEXT_MAX])
{
    char mean[32], width[32] = "";
    if (value->n == 0)
        return strcpy(out_text, "-");
    snprintf(mean, sizeof(mean), metric == CONTRAST_SLOWDOWN ? "%.3f" : "%.0f", value->mean);
    if (value->interval.state == INTERVAL_OK) {
        double half = (value->interval.hi - value->interval.lo) / 2;
        double percent = 100 * half / fabs(value->mean);
        if (value->mean == 0 || half == 0)
            snprintf(width, sizeof(width), " \u00b1%.3g", half);
        else
            snprintf(width, sizeof(width), " \u00b1%.*f%%", percent < 9.95, percent);
    }
    snprintf(out_text, CONTRAST_TEXT_MAX, "%s%s (n=%zu)", mean, width, value->n);
    return out_text;
}

/* Columns of a terminal: bytes that continue a character are none. */
static void put_padded(const char *text, int columns, FILE *out)
{
    int used = 0;
    for (const char *at = text; *at; at++)
        used += (*at & 0xC0) != 0x80;
    fprintf(out, "%s%*s", text, used < columns ? columns - used : 1, "");
}

static bool is_measured(const struct contrast *contrast, unsigned design)
{
    for (size_t i = 0; i < contrast->count; i++)
        if (contrast->cells[i].design == design)
            return true;
    return false;
}

static const struct contrast_cell *find_any(const struct contrast *contrast, unsigned work,
                                            unsigned vms)
{
    const struct contrast_cell *cell = NULL;
    for (unsigned design = 0; !cell && design < MEASURE_DESIGNS; design++)
        cell = contrast_find(contrast, work, vms, design);
    return cell;
}

static void put_text_row(const struct contrast *contrast, unsigned work, unsigned vms,
                         enum contrast_metric metric, FILE *out)
{
    char text[CONTRAST_TEXT_MAX];
    fputs("  ", out);
    put_padded(contrast_titles[metric], NAME_COLUMNS - 2, out);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        if (!is_measured(contrast, design))
            continue;
        const struct contrast_cell *cell = contrast_find(contrast, work, vms, design);
        put_padded(cell ? contrast_format(&cell->values[metric], metric, text) : "-", VALUE_COLUMNS,
                   out);
    }
    fputc('\n', out);
}

static void put_text_failures(const struct contrast *contrast, unsigned work, unsigned vms,
                              FILE *out)
{
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        const struct contrast_cell *cell = contrast_find(contrast, work, vms, design);
        if (cell && cell->failed)
            fprintf(out, "  %s: %u failed: %s\n", measure_designs[design], cell->failed,
                    cell->failure->cause);
    }
}

static void put_text_work(const struct contrast *contrast, unsigned work, unsigned vms, FILE *out)
{
    if (!find_any(contrast, work, vms))
        return;
    fprintf(out, "%s, %u VM%s\n", measure_works[work], vms, vms == 1 ? "" : "s");
    for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
        if (contrast_has(contrast, work, vms, (enum contrast_metric)metric))
            put_text_row(contrast, work, vms, (enum contrast_metric)metric, out);
    put_text_failures(contrast, work, vms, out);
}

void contrast_write_text(const struct contrast *contrast, FILE *out)
{
    put_padded("", NAME_COLUMNS, out);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (is_measured(contrast, design))
            put_padded(measure_designs[design], VALUE_COLUMNS, out);
    fputc('\n', out);
    for (unsigned vms = 1; vms <= MEASURE_VMS_MAX; vms++)
        for (unsigned work = 0; work < WORK_COUNT; work++)
            put_text_work(contrast, work, vms, out);
    fprintf(out, "\n%s\n%s\n%s\n", numbers_sentence, contrast_slowdown_sentence,
            contrast_sight_sentence);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (contrast->sights[design] != SIGHT_UNKNOWN)
            fprintf(out, "  %-9s  %s\n", measure_designs[design],
                    contrast_sight_words[contrast->sights[design]]);
}

/* Causes are printable ASCII (measure_set_cause()). */
static void put_json_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fputc('"', out);
}

static void put_json_value(const struct contrast_value *value, const char *name, FILE *out)
{
    fprintf(out, ",\"%s\":", name);
    if (value->n == 0)
        fputs("null", out);
    else if (value->interval.state != INTERVAL_OK)
        fprintf(out, "{\"mean\":%.17g,\"lo\":null,\"hi\":null,\"n\":%zu}", value->mean, value->n);
    else
        fprintf(out, "{\"mean\":%.17g,\"lo\":%.17g,\"hi\":%.17g,\"n\":%zu}", value->mean,
                value->interval.lo, value->interval.hi, value->n);
}

static void put_json_cell(const struct contrast_cell *cell, FILE *out)
{
    static const char *const names[CONTRAST_METRICS] = {
        "exits",    "host_accesses", "guest_accesses", "instructions_per_switch",
        "slowdown", "count_error",   "samples_lost"};
    fprintf(out, "{\"work\":\"%s\",\"vms\":%u,\"design\":\"%s\"", measure_works[cell->work],
            cell->vms, measure_designs[cell->design]);
    for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
        put_json_value(&cell->values[metric], names[metric], out);
    fprintf(out, ",\"failed\":%u,\"cause\":", cell->failed);
    if (cell->failure)
        put_json_text(cell->failure->cause, out);
    else
        fputs("null", out);
    fputc('}', out);
}

void contrast_write_json(const struct contrast *contrast, FILE *out)
{
    fputs("{\"cells\":[", out);
    for (size_t i = 0; i < contrast->count; i++) {
        fputs(i ? "," : "", out);
        put_json_cell(&contrast->cells[i], out);
    }
    fputs("],\"host_sees\":{", out);
    const char *comma = "";
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        if (contrast->sights[design] == SIGHT_UNKNOWN)
            continue;
        fprintf(out, "%s\"%s\":\"%s\"", comma, measure_designs[design],
                contrast_sight_words[contrast->sights[design]]);
        comma = ",";
    }
    fputs("}}\n", out);
}

static void put_html_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                                            : NULL;
        if (entity)
            fputs(entity, out);
        else
            fputc(*text, out);
    }
}

static const char *const colours[MEASURE_DESIGNS] = {"#888", "#d55e00", "#0072b2", "#009e73"};

/* Slowdowns are close to 1, counts anything: those have a logarithmic scale from 1. */
struct axis {
    enum contrast_metric metric;
    double most;
};

enum { LABEL = 190, WIDTH = 440, ROW = 16 };

static double place_on(const struct axis *axis, double value)
{
    if (axis->metric == CONTRAST_SLOWDOWN)
        return value > 0 ? WIDTH * value / axis->most : 0;
    return value > 1 ? WIDTH * log(value) / log(axis->most) : 0;
}

static struct axis make_axis(const struct contrast *contrast, enum contrast_metric metric,
                             size_t *out_rows)
{
    struct axis axis = {.metric = metric, .most = metric == CONTRAST_SLOWDOWN ? 1 : 10};
    *out_rows = 0;
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_value *value = &contrast->cells[i].values[metric];
        if (value->n && value->mean > axis.most)
            axis.most = value->mean;
        *out_rows += value->n > 0;
    }
    return axis;
}

static void put_bar(const struct contrast_cell *cell, const struct axis *axis, size_t top,
                    FILE *out)
{
    char text[CONTRAST_TEXT_MAX];
    const struct contrast_value *value = &cell->values[axis->metric];
    double width = place_on(axis, value->mean), end = width;
    fprintf(out,
            "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s, %u VM%s, %s</text>"
            "<rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
            LABEL - 6, top + 12, measure_works[cell->work], cell->vms, cell->vms == 1 ? "" : "s",
            measure_designs[cell->design], LABEL, top + 2, width, ROW - 4, colours[cell->design]);
    if (value->interval.state == INTERVAL_OK) {
        end = fmin(place_on(axis, value->interval.hi), WIDTH);
        fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%zu\" y2=\"%zu\"/>",
                LABEL + place_on(axis, value->interval.lo), LABEL + end, top + 8, top + 8);
    }
    fprintf(out, "<text x=\"%.1f\" y=\"%zu\">%s</text>\n", LABEL + fmax(width, end) + 5, top + 12,
            contrast_format(value, axis->metric, text));
}

static void put_chart(const struct contrast *contrast, enum contrast_metric metric, FILE *out)
{
    size_t rows = 0, row = 0;
    const struct axis axis = make_axis(contrast, metric, &rows);
    if (rows == 0)
        return;
    fprintf(out, "<h2>%s</h2><svg viewBox=\"0 0 %d %zu\" width=\"%d\" role=\"img\">\n",
            contrast_titles[metric], LABEL + WIDTH + 150, rows * ROW + 4, LABEL + WIDTH + 150);
    for (size_t i = 0; i < contrast->count; i++)
        if (contrast->cells[i].values[metric].n)
            put_bar(&contrast->cells[i], &axis, row++ * ROW, out);
    fputs("</svg>\n", out);
}

static void put_html_row(const struct contrast *contrast, unsigned work, unsigned vms,
                         enum contrast_metric metric, FILE *out)
{
    char text[CONTRAST_TEXT_MAX];
    fprintf(out, "<tr><td>%s<td>%u<td>%s", measure_works[work], vms, contrast_titles[metric]);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        if (!is_measured(contrast, design))
            continue;
        const struct contrast_cell *cell = contrast_find(contrast, work, vms, design);
        fprintf(out, "<td>%s", cell ? contrast_format(&cell->values[metric], metric, text) : "-");
    }
    fputs("</tr>\n", out);
}

static void put_html_failures(const struct contrast *contrast, FILE *out)
{
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        if (!cell->failed)
            continue;
        fprintf(out, "<p>%s, %u VM%s, %s: %u failed: ", measure_works[cell->work], cell->vms,
                cell->vms == 1 ? "" : "s", measure_designs[cell->design], cell->failed);
        put_html_text(cell->failure->cause, out);
        fputs("</p>\n", out);
    }
}

static void put_html_table(const struct contrast *contrast, FILE *out)
{
    fputs("<table><tr><th>work<th>VMs<th>", out);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (is_measured(contrast, design))
            fprintf(out, "<th>%s", measure_designs[design]);
    fputs("</tr>\n", out);
    for (unsigned vms = 1; vms <= MEASURE_VMS_MAX; vms++)
        for (unsigned work = 0; work < WORK_COUNT; work++)
            for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
                if (contrast_has(contrast, work, vms, (enum contrast_metric)metric))
                    put_html_row(contrast, work, vms, (enum contrast_metric)metric, out);
    fputs("</table>\n", out);
}

static void put_html_sights(const struct contrast *contrast, FILE *out)
{
    fprintf(out, "<p>%s</p>\n<table><tr><th>design<th>shown</tr>\n", contrast_sight_sentence);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (contrast->sights[design] != SIGHT_UNKNOWN)
            fprintf(out, "<tr><td>%s<td>%s</tr>\n", measure_designs[design],
                    contrast_sight_words[contrast->sights[design]]);
    fputs("</table>\n", out);
}

void contrast_write_html(const struct contrast *contrast, FILE *out)
{
    static const enum contrast_metric charts[] = {CONTRAST_SLOWDOWN, CONTRAST_ACCESSES,
                                                  CONTRAST_EXITS, CONTRAST_PER_SWITCH};
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<title>Designs of performance counters</title>\n"
          "<style>body{font:14px sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"
          "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;"
          "border-bottom:1px solid #8885}td:nth-child(-n+3),th:nth-child(-n+3){text-align:left}"
          "svg{font-size:11px;max-width:100%}text{fill:currentColor}"
          "line{stroke:currentColor;stroke-width:1.5}</style>\n"
          "<h1>Designs of performance counters</h1>\n",
          out);
    fprintf(out, "<p>%s %s</p>\n", numbers_sentence, contrast_slowdown_sentence);
    put_html_table(contrast, out);
    put_html_failures(contrast, out);
    put_html_sights(contrast, out);
    fputs("<p>Lines in the charts are 95 % intervals, drawn where there are two measures or more. "
          "Slowdown has a linear scale from 0, counts a logarithmic one from 1.</p>\n",
          out);
    for (size_t i = 0; i < COUNT_OF(charts); i++)
        put_chart(contrast, charts[i], out);
    fputs("</html>\n", out);
}
