/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "study/contrast.h"

static const char *const sight_sentence =
    "What the server's own perf shows while guests use theirs. With the extension the hypervisor "
    "has the ledger for the guests besides.";
static const char *const slowdown_sentence =
    "Slowdown: instructions of the whole machine, in terms of those for the same work without "
    "counters; of the last three works, in terms of the loop that nobody counts.";

const char *contrast_format(enum contrast_metric metric, double value, char out_text[32])
{
    snprintf(out_text, 32, metric == CONTRAST_SLOWDOWN ? "%.3f" : "%.0f", value);
    return out_text;
}

/* "1234 ±5%": the median, and the largest distance from it. */
static const char *format_spread(const struct contrast_spread *spread, enum contrast_metric metric,
                                 char out_text[64])
{
    char number[32];
    double above = spread->most - spread->median, below = spread->median - spread->least;
    double most = above > below ? above : below;
    if (spread->count == 0) {
        strcpy(out_text, "-");
        return out_text;
    }
    contrast_format(metric, spread->median, number);
    if (most == 0)
        snprintf(out_text, 64, "%s", number);
    else if (spread->median == 0)
        snprintf(out_text, 64, "%s +-%.0f", number, most);
    else
        snprintf(out_text, 64, "%s +-%.0f%%", number, 100 * most / fabs(spread->median));
    return out_text;
}

void contrast_write_text(const struct contrast *contrast, FILE *out)
{
    char text[64];
    fprintf(out, "%-7s %3s  %-9s", "work", "VMs", "design");
    for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
        fprintf(out, "  %15s", contrast_titles[metric]);
    fputc('\n', out);
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        fprintf(out, "%-7s %3u  %-9s", measure_works[cell->work], cell->vms,
                measure_designs[cell->design]);
        for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
            fprintf(out, "  %15s", format_spread(&cell->spreads[metric], metric, text));
        fputc('\n', out);
    }
    fprintf(out, "\n%s\n%s\n", slowdown_sentence, sight_sentence);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (contrast->sights[design] != SIGHT_UNKNOWN)
            fprintf(out, "  %-9s  %s\n", measure_designs[design],
                    contrast_sight_words[contrast->sights[design]]);
}

static void write_json_spread(const struct contrast_spread *spread, const char *name, FILE *out)
{
    fprintf(out, ",\"%s\":", name);
    if (spread->count == 0)
        fputs("null", out);
    else
        fprintf(out, "{\"median\":%.17g,\"least\":%.17g,\"most\":%.17g,\"count\":%u}",
                spread->median, spread->least, spread->most, spread->count);
}

void contrast_write_json(const struct contrast *contrast, FILE *out)
{
    static const char *const names[CONTRAST_METRICS] = {
        "exits",    "host_accesses", "guest_accesses", "instructions_per_switch",
        "slowdown", "count_error",   "samples_lost"};
    fputs("{\"cells\":[", out);
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        fprintf(out, "%s{\"work\":\"%s\",\"vms\":%u,\"design\":\"%s\"", i ? "," : "",
                measure_works[cell->work], cell->vms, measure_designs[cell->design]);
        for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
            write_json_spread(&cell->spreads[metric], names[metric], out);
        fputc('}', out);
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

static const char *const colours[MEASURE_DESIGNS] = {"#888", "#d55e00", "#0072b2", "#009e73"};

/* Bars on a logarithmic scale from 1: what is less has none. */
static void write_chart(const struct contrast *contrast, enum contrast_metric metric, FILE *out)
{
    enum { LABEL = 190, WIDTH = 480, ROW = 16 };
    char text[64];
    double most = 10;
    size_t rows = 0;
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_spread *spread = &contrast->cells[i].spreads[metric];
        most = spread->count && spread->median > most ? spread->median : most;
        rows += spread->count > 0;
    }
    fprintf(out, "<h2>%s</h2><svg width=\"%d\" height=\"%zu\" role=\"img\">\n",
            contrast_titles[metric], LABEL + WIDTH + 110, rows * ROW + 4);
    size_t row = 0;
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        const struct contrast_spread *spread = &cell->spreads[metric];
        if (spread->count == 0)
            continue;
        double width = spread->median > 1 ? WIDTH * log(spread->median) / log(most) : 0;
        size_t top = row++ * ROW;
        fprintf(out,
                "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s, %u VM%s, %s</text>"
                "<rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>"
                "<text x=\"%.1f\" y=\"%zu\">%s</text>\n",
                LABEL - 6, top + 12, measure_works[cell->work], cell->vms,
                cell->vms == 1 ? "" : "s", measure_designs[cell->design], LABEL, top + 2, width,
                ROW - 4, colours[cell->design], LABEL + width + 5, top + 12,
                format_spread(spread, metric, text));
    }
    fputs("</svg>\n", out);
}

static void write_html_table(const struct contrast *contrast, FILE *out)
{
    char text[64];
    fputs("<table><tr><th>work<th>VMs<th>design", out);
    for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
        fprintf(out, "<th>%s", contrast_titles[metric]);
    fputs("</tr>\n", out);
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        fprintf(out, "<tr><td>%s<td>%u<td>%s", measure_works[cell->work], cell->vms,
                measure_designs[cell->design]);
        for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
            fprintf(out, "<td>%s", format_spread(&cell->spreads[metric], metric, text));
        fputs("</tr>\n", out);
    }
    fprintf(out, "</table>\n<p>%s</p>\n<p>%s</p>\n<table><tr><th>design<th>shown</tr>\n",
            slowdown_sentence, sight_sentence);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (contrast->sights[design] != SIGHT_UNKNOWN)
            fprintf(out, "<tr><td>%s<td>%s</tr>\n", measure_designs[design],
                    contrast_sight_words[contrast->sights[design]]);
    fputs("</table>\n", out);
}

void contrast_write_html(const struct contrast *contrast, FILE *out)
{
    static const enum contrast_metric charts[] = {CONTRAST_EXITS, CONTRAST_ACCESSES,
                                                  CONTRAST_PER_SWITCH, CONTRAST_SLOWDOWN};
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
          "<title>Designs of performance counters</title>\n"
          "<style>body{font:14px sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"
          "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;"
          "border-bottom:1px solid #ccc}td:nth-child(-n+3),th:nth-child(-n+3){text-align:left}"
          "svg{font-size:11px;max-width:100%}</style>\n<h1>Designs of performance counters</h1>\n"
          "<p>Medians, with the largest distance of a repeat from them. Counts of an emulated "
          "server; the charts' scales are logarithmic.</p>\n",
          out);
    write_html_table(contrast, out);
    for (size_t i = 0; i < COUNT_OF(charts); i++)
        write_chart(contrast, charts[i], out);
    fputs("</html>\n", out);
}
