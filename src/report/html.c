/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report as one HTML file that works offline. Texts and tables are plain HTML; the script adds
 * the charts. A content security policy admits that one script by its digest and nothing else, so
 * that even a slip in escaping could run nothing.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/units.h"
#include "report/asset.h"
#include "report/chart.h"
#include "report/escape.h"
#include "report/format.h"
#include "report/html.h"
#include "report/json.h"
#include "report/label.h"
#include "report/number.h"
#include "report/provenance.h"

#define TABLE_ROWS_OPEN 24 /* longer tables are folded */

void html_put(const struct html *page, const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_html(&buf, text ? text : "");
    fputs(buf.text, page->out);
}

void html_putf(const struct html *page, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *text = mem_vprintf(format, ap);
    va_end(ap);
    html_put(page, text);
}

void html_raw(const struct html *page, const char *markup)
{
    fputs(markup, page->out);
}

void html_cell(const struct html *page, const char *tag, const char *text)
{
    fprintf(page->out, "<%s>", tag);
    html_put(page, text);
    fprintf(page->out, "</%.2s>", tag);
}

void html_begin_table(const struct html *page, const char *caption, size_t rows)
{
    bool folded = rows > TABLE_ROWS_OPEN;
    if (folded) {
        fputs("<details><summary>", page->out);
        html_putf(page, "Table: %s (%zu rows)", caption, rows);
        fputs("</summary>", page->out);
    }
    fputs("<div class=\"scroll\" tabindex=\"0\"><table><caption>", page->out);
    html_put(page, caption);
    fputs("</caption>\n", page->out);
}

void html_end_table(const struct html *page, size_t rows)
{
    fputs("</tbody></table></div>", page->out);
    fputs(rows > TABLE_ROWS_OPEN ? "</details>\n" : "\n", page->out);
}

static void put_size_heading(const struct html *page)
{
    html_raw(page, "<thead><tr><th>platform</th><th class=\"n\">VMs</th>");
    if (page->variety.vcpus)
        html_raw(page, "<th class=\"n\">vCPUs</th>");
    if (page->variety.memory)
        html_raw(page, "<th class=\"n\">memory</th>");
}

static void put_size(const struct html *page, const struct store_cell *cell)
{
    char text[UNITS_TEXT_MAX];
    html_raw(page, "<tr>");
    html_cell(page, "th", cell->platform);
    fprintf(page->out, "<td class=\"n\">%u</td>", cell->vms);
    if (page->variety.vcpus)
        fprintf(page->out, "<td class=\"n\">%u</td>", cell->vcpus);
    if (page->variety.memory)
        fprintf(page->out, "<td class=\"n\">%s</td>", units_format_size(cell->memory_bytes, text));
}

static void put_value(const struct html *page, const struct report_value *value)
{
    char text[NUMBER_TEXT_MAX];
    html_cell(page, "td class=\"n\"", number_format_value(value, text));
}

static void put_figure(const struct html *page, size_t id, const char *caption)
{
    if (!id)
        return;
    html_raw(page, "<figure><figcaption>");
    html_put(page, caption);
    fprintf(page->out, "</figcaption><div class=\"chart\" id=\"chart-%zu\"></div></figure>\n", id);
}

/* Sections. */

static void put_policy(const struct html *page)
{
    char digest[64];
    asset_script_digest(digest, sizeof(digest));
    fprintf(page->out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
            "script-src 'sha256-%s'\">\n",
            digest);
}

static void put_head(const struct html *page)
{
    html_raw(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    put_policy(page);
    html_raw(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html_putf(page, "%s: what virtualization costs", page->report->campaign.name);
    html_raw(page, "</title>\n<style>\n");
    asset_put(ASSET_STYLE, page->out);
    html_raw(page, "</style>\n</head>\n<body>\n");
}

static void put_fact(const struct html *page, const char *name, const char *between)
{
    const char *value = provenance_find(page->report, name);
    if (!value)
        return;
    html_raw(page, between);
    html_put(page, value);
}

/* Links to the sections; a workload's is its first row. */
static void put_contents(const struct html *page)
{
    const struct report *report = page->report;
    html_raw(page, "<nav>");
    for (size_t i = 0; report->trial_count && i < report->row_count; i++) {
        const struct store_metric *metric = report->rows[i].metric;
        if (!metric->primary || (i > 0 && report->rows[i - 1].metric == metric))
            continue;
        fprintf(page->out, "<a href=\"#row-%zu\">", i);
        html_putf(page, "%s: %s", metric->workload, metric->name);
        html_raw(page, "</a>");
    }
    html_raw(page, "<a href=\"#problems\">Failed trials</a><a href=\"#provenance\">Provenance</a>"
                   "<a href=\"#guide\">How to read this</a></nav>\n");
}

static void put_header(const struct html *page)
{
    const struct report *report = page->report;
    const struct store_campaign *campaign = &report->campaign;
    char date[64] = "";
    time_t seconds = (time_t)(campaign->start_ns / NS_PER_S);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &parts);
    html_raw(page, "<header><div><h1>");
    html_put(page, campaign->name);
    html_raw(page, "</h1>\n<p class=\"facts\">");
    html_putf(page, "Campaign %" PRId64 ", %s: %" PRIu64 " block%s, %zu trial%s, seed %" PRIu64,
              campaign->id, date, report->blocks, report->blocks == 1 ? "" : "s",
              report->trial_count, report->trial_count == 1 ? "" : "s", campaign->seed);
    html_raw(page, "</p>\n<p class=\"facts\">");
    put_fact(page, "host.cpu.model", "");
    put_fact(page, "host.kernel", " \u00b7 ");
    html_raw(page, "</p>\n");
    CLEANUP_FREE char *caution = report_caution(report);
    if (caution) {
        html_raw(page, "<p class=\"caution\">");
        html_put(page, caution);
        html_raw(page, "</p>\n");
    }
    put_contents(page);
    html_raw(page, "</div>\n<button id=\"theme\" type=\"button\" hidden>Dark</button>"
                   "</header>\n<main>\n");
}

static void put_notice(const struct html *page)
{
    const struct store_campaign *campaign = &page->report->campaign;
    if (page->report->trial_count == 0)
        html_raw(page, "<p class=\"notice\">No trial has been stored yet.</p>\n");
    if (campaign->complete)
        return;
    html_raw(page, "<p class=\"notice\">");
    if (campaign->end_ns)
        html_putf(page,
                  "The campaign ended early: %s. What follows is what was measured until "
                  "then.",
                  campaign->end_cause ? campaign->end_cause : "no cause was given");
    else
        html_raw(page, "The campaign has not ended: it is under way, or was killed. "
                       "<code>vtax run --resume</code> goes on with it.");
    html_raw(page, "</p>\n");
}

static const char *verdict_word(const struct report_row *row)
{
    if (!row->baseline || row->normalised.pairs == 0)
        return "none";
    return comparison_verdict_text(row->normalised.comparison.verdict);
}

static void put_sentence(const struct html *page, const struct report_row *row)
{
    CLEANUP_FREE char *sentence = report_sentence(page->report, row);
    const char *word = verdict_word(row);
    fprintf(page->out, "<li><span class=\"verdict %s\">%s</span><span>", word,
            strcmp(word, "none") == 0 ? "no result" : word);
    html_put(page, sentence);
    html_raw(page, "</span></li>\n");
}

static void put_sentences(const struct html *page)
{
    const struct report *report = page->report;
    size_t told = 0, left = 0;
    html_raw(page, "<h2 id=\"words\">In words</h2>\n<ul class=\"verdicts\">\n");
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        bool is_told = report_is_told(report, row);
        left += !is_told && row->metric->primary && row->baseline != row;
        told += is_told;
        if (is_told)
            put_sentence(page, row);
    }
    html_raw(page, "</ul>\n");
    if (told == 0)
        html_raw(page, "<p>There is nothing to compare: the campaign has only its baseline.</p>");
    if (left == 0)
        return;
    fprintf(page->out, "<details><summary>The other %zu</summary><ul class=\"verdicts\">\n", left);
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (!report_is_told(report, row) && row->metric->primary && row->baseline != row)
            put_sentence(page, row);
    }
    html_raw(page, "</ul></details>\n");
}

static void put_ratio(const struct html *page, const struct report_row *row)
{
    const struct normalise_result *result = &row->normalised;
    char text[NUMBER_TEXT_MAX], number[NUMBER_TEXT_MAX];
    if (row->baseline == row) {
        html_cell(page, "td class=\"n\"", row->value.n ? "1" : "-");
        html_raw(page, "<td class=\"n\"></td><td class=\"n\"></td><td></td>");
        return;
    }
    if (result->ratio.state == INTERVAL_OK)
        number_format_interval(&result->ratio, text);
    else if (result->pairs == 1)
        snprintf(text, sizeof(text), "%.60s (n=1)",
                 number_format_plain(result->points[0].value, number));
    else
        snprintf(text, sizeof(text), "-");
    html_cell(page, "td class=\"n\"", text);
    fprintf(page->out, "<td class=\"n\">%zu</td>", result->pairs);
    html_cell(page, "td class=\"n\"", number_format_interval(&result->bca, text));
    const char *word = verdict_word(row);
    fprintf(page->out, "<td><span class=\"verdict %s\">%s</span>%s</td>", word,
            strcmp(word, "none") == 0 ? "no result" : word,
            result->disagree ? " (the bootstrap disagrees)" : "");
}

static void put_row(const struct html *page, const struct report_row *row)
{
    put_size(page, row->cell);
    fprintf(page->out, "<td class=\"n\">%zu", row->counts[TRIAL_OK]);
    if (row->counts[TRIAL_FAILED])
        fprintf(page->out, ", %zu failed", row->counts[TRIAL_FAILED]);
    if (row->counts[TRIAL_INVALID])
        fprintf(page->out, ", %zu invalid", row->counts[TRIAL_INVALID]);
    if (row->outliers)
        fprintf(page->out, ", %zu outlier%s", row->outliers, row->outliers == 1 ? "" : "s");
    html_raw(page, "</td>");
    put_value(page, &row->value);
    put_value(page, &row->consolidated);
    put_ratio(page, row);
    html_raw(page, "</tr>\n");
}

static void put_rows(const struct html *page, const struct report_row *rows, size_t count)
{
    const struct store_metric *metric = rows[0].metric;
    CLEANUP_FREE char *unit = report_consolidated_unit(metric);
    CLEANUP_FREE char *caption =
        mem_printf("%s %s: mean over trials with %.3g %% interval [lo, hi]; normalised: mean ratio "
                   "to the baseline over n blocks",
                   metric->workload, metric->name, page->report->level * 100);
    html_begin_table(page, caption, count);
    put_size_heading(page);
    html_raw(page, "<th class=\"n\">trials</th><th class=\"n\">");
    html_putf(page, "one machine, %s", metric->unit);
    html_raw(page, "</th><th class=\"n\">");
    html_putf(page, "all together, %s", unit);
    html_raw(page, "</th><th class=\"n\">normalised</th><th class=\"n\">n</th>"
                   "<th class=\"n\">bootstrap check</th><th>verdict</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++)
        put_row(page, &rows[i]);
    html_end_table(page, count);
}

static void put_group_charts(const struct html *page, const struct report_row *rows, size_t count)
{
    size_t ratio = chart_add_normalised(page->charts, page->report, rows, count);
    CLEANUP_FREE char *caption = mem_printf(
        "Normalised performance, higher is better. Large mark: mean with its %.3g %% interval, "
        "hollow without one; dots: single blocks; band: within %g %% of the baseline.",
        page->report->level * 100, page->report->margin * 100);
    put_figure(page, ratio, caption);
    if (!ratio)
        html_raw(page, "<p class=\"note\">No chart: no block has good trials of both a cell and "
                       "its baseline.</p>\n");
    size_t each = chart_add_scaling(page->charts, page->report, rows, count, false);
    size_t all = chart_add_scaling(page->charts, page->report, rows, count, true);
    if (!each && !all)
        return;
    html_raw(page, "<div class=\"pair\">");
    CLEANUP_FREE char *one = mem_printf("One machine, against how many run at once: %s is better.",
                                        rows[0].metric->higher_is_better ? "higher" : "lower");
    put_figure(page, each, one);
    bool is_cost = rows[0].metric->adds_up && !rows[0].metric->higher_is_better;
    put_figure(page, all,
               is_cost ? "All machines together: lower is better."
                       : "All machines together: higher is better.");
    html_raw(page, "</div>\n");
}

static void put_group(const struct html *page, const struct report_row *rows, size_t count)
{
    const struct store_metric *metric = rows[0].metric;
    if (metric->primary)
        fprintf(page->out, "<h2 id=\"row-%td\">", rows - page->report->rows);
    else
        html_raw(page, "<h3>");
    html_put(page, metric->workload);
    html_raw(page, ": ");
    html_put(page, metric->name);
    html_raw(page, metric->primary ? "</h2>\n" : "</h3>\n");
    html_raw(page, "<p class=\"note\">");
    html_putf(page, "Unit: %s; %s is better.", metric->unit,
              metric->higher_is_better ? "higher" : "lower");
    if (rows[0].cell->parameters[0])
        html_putf(page, " Parameters: %s.", rows[0].cell->parameters);
    html_raw(page, "</p>\n");
    if (metric->primary)
        put_group_charts(page, rows, count);
    put_rows(page, rows, count);
}

static void put_groups(const struct html *page)
{
    const struct report *report = page->report;
    for (size_t i = 0; i < report->row_count;) {
        size_t count = 1;
        while (i + count < report->row_count &&
               report->rows[i + count].metric == report->rows[i].metric)
            count++;
        put_group(page, &report->rows[i], count);
        i += count;
    }
}

static void put_boots(const struct html *page)
{
    const struct report *report = page->report;
    size_t chart = chart_add_boots(page->charts, report);
    if (!chart)
        return;
    html_raw(page, "<h2 id=\"boots\">Boot times</h2>\n");
    put_figure(page, chart,
               "From the start of a machine until its first command ran, over all workloads; the "
               "mean over the machines of a trial is one value. For native it is the start of the "
               "sandbox.");
    html_begin_table(page, "Boot time in seconds", report->boot_count);
    put_size_heading(page);
    html_raw(page, "<th class=\"n\">n</th><th class=\"n\">one machine, s</th>"
                   "<th class=\"n\">longest, s</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < report->boot_count; i++) {
        const struct report_boot *boot = &report->boots[i];
        char text[NUMBER_TEXT_MAX];
        put_size(page, boot->cell);
        fprintf(page->out, "<td class=\"n\">%zu</td>", boot->value.n);
        put_value(page, &boot->value);
        html_cell(page, "td class=\"n\"", number_format_plain(boot->longest, text));
        html_raw(page, "</tr>\n");
    }
    html_end_table(page, report->boot_count);
}

void format_html(const struct report *report, const struct report_style *style, FILE *stream)
{
    (void)style;
    struct chart_list charts = {0};
    const struct html page = {
        .report = report, .out = stream, .variety = label_variety_of(report), .charts = &charts};
    put_head(&page);
    put_header(&page);
    put_notice(&page);
    if (report->trial_count) {
        put_sentences(&page);
        put_groups(&page);
        put_boots(&page);
    }
    html_put_problems(&page);
    html_put_figures(&page);
    html_put_provenance(&page);
    html_put_guide(&page);
    html_put_end(&page);
}
