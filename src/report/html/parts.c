/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Several campaigns side by side: which they are, how each scales, and all of it as tables.
 */
#include <inttypes.h>
#include <string.h>

#include "report/count.h"
#include "report/html/charts.h"
#include "report/html/page.h"
#include "report/number.h"

/* Which campaigns, and what must be said of each. */
void html_put_parts(const struct html *page)
{
    html_raw(page, "<ul class=\"note\">\n");
    for (size_t i = 0; report_part(page->report, i); i++) {
        const struct report *part = report_part(page->report, i);
        CLEANUP_FREE char *caution = report_caution(part);
        CLEANUP_FREE char *end = label_of_end(&part->campaign);
        html_raw(page, "<li>");
        html_putf(page, "Campaign %" PRId64 ", %s: %" PRIu64 " block%s, %zu trials, %s. %s",
                  part->campaign.id, part->campaign.name, part->blocks,
                  part->blocks == 1 ? "" : "s", part->trial_count, end, caution ? caution : "");
        html_raw(page, "</li>\n");
    }
    html_raw(page, "</ul>\n<p class=\"note\">Each campaign is relative to its own baseline. "
                   "Sections about single workloads are about the first.</p>\n");
}

static void put_part_rows(const struct html *page, const struct report *part)
{
    for (size_t i = 0; i < part->row_count; i++) {
        const struct report_row *row = &part->rows[i];
        if (!row->metric->primary || row->baseline == row)
            continue;
        html_put_size(page, row->cell);
        fprintf(page->out, "<td class=\"n\">%" PRId64 "</td>", part->campaign.id);
        html_cell(page, "td", row->cell->workload);
        html_cell(page, "td", row->metric->name);
        html_put_ratio(page, row);
        html_raw(page, "</tr>\n");
    }
}

static void put_parts_table(const struct html *page)
{
    size_t rows = 0;
    for (size_t i = 0; report_part(page->report, i); i++)
        rows += report_part(page->report, i)->row_count;
    html_begin_table(page, "Performance relative to the baseline of each campaign", rows);
    html_put_size_heading(page);
    html_raw(page, "<th class=\"n\">campaign</th><th>workload</th><th>metric</th>"
                   "<th class=\"n\">normalised</th><th class=\"n\">n</th>"
                   "<th class=\"n\">bootstrap check</th><th>verdict</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; report_part(page->report, i); i++)
        put_part_rows(page, report_part(page->report, i));
    html_end_table(page, rows);
}

/* Has an earlier campaign a row of this workload and metric? Or the same one, further up? */
static bool is_scaled(const struct report *report, size_t part, size_t row)
{
    const struct store_metric *metric = report_part(report, part)->rows[row].metric;
    for (size_t i = 0; i <= part; i++) {
        const struct report *at = report_part(report, i);
        for (size_t j = 0; j < (i < part ? at->row_count : row); j++)
            if (strcmp(at->rows[j].metric->workload, metric->workload) == 0 &&
                strcmp(at->rows[j].metric->name, metric->name) == 0)
                return true;
    }
    return false;
}

static void put_scaling_of(const struct html *page, const struct store_metric *metric)
{
    CLEANUP_FREE char *caption =
        mem_printf("%s, %s: performance of each of so many machines side by side, relative to the "
                   "baseline with as many; higher is better.",
                   metric->workload, metric->name);
    html_put_chart(page, charts_add_scaling_overview(page->charts, page->report, metric), caption);
}

static void put_count_scaling(const struct html *page, const char *workload)
{
    CLEANUP_FREE char *caption =
        mem_printf("%s: instructions of the whole server in one trial, relative to the baseline "
                   "with as many machines; lower is better.",
                   workload);
    html_put_chart(page, charts_add_instructions_overview(page->charts, page->report, workload),
                   caption);
}

static void put_scaling(const struct html *page)
{
    const char *workload = NULL;
    html_raw(page, "<div class=\"pair\">");
    for (size_t i = 0; report_part(page->report, i); i++) {
        const struct report *part = report_part(page->report, i);
        for (size_t j = 0; j < part->row_count; j++) {
            const struct store_metric *metric = part->rows[j].metric;
            if (!metric->primary || is_scaled(page->report, i, j))
                continue;
            if (!workload || strcmp(workload, metric->workload) != 0)
                put_count_scaling(page, metric->workload);
            workload = metric->workload;
            put_scaling_of(page, metric);
        }
    }
    html_raw(page, "</div>\n");
}

static void put_part_counts(const struct html *page, const struct report *part)
{
    char text[NUMBER_TEXT_MAX];
    for (size_t i = 0; i < part->count_count; i++) {
        const struct report_count *count = &part->counts[i];
        for (size_t j = 0; count_is_main(part, count) && j < count->item_count; j++) {
            const struct report_figure *figure = count->items[j];
            html_put_size(page, figure->cell);
            fprintf(page->out, "<td class=\"n\">%" PRId64 "</td>", part->campaign.id);
            html_cell(page, "td", count->workload);
            html_cell(page, "td", count->kind->title);
            html_cell(page, "td", count->whole_trial ? "trial" : "machine");
            fprintf(page->out, "<td class=\"n\">%zu</td>", figure->value.n);
            html_put_value(page, &figure->value);
            html_cell(page, "td class=\"n\"", count_format_relative(&figure->relative, text));
            html_raw(page, "<td class=\"t\">");
            html_put(page, figure->value.n ? "" : figure->missing);
            html_raw(page, "</td></tr>\n");
        }
    }
}

/* Counts come first: they are what an emulated server is for. */
static void put_counts_table(const struct html *page)
{
    size_t rows = 0;
    for (size_t i = 0; report_part(page->report, i); i++) {
        const struct report *part = report_part(page->report, i);
        for (size_t j = 0; j < part->count_count; j++)
            rows += count_is_main(part, &part->counts[j]) ? part->counts[j].item_count : 0;
    }
    if (rows == 0)
        return;
    html_begin_table(page, "Counts, relative to the baseline of each campaign: 2 is twice as many",
                     rows);
    html_put_size_heading(page);
    html_raw(page, "<th class=\"n\">campaign</th><th>workload</th><th>count</th><th>of one</th>"
                   "<th class=\"n\">n</th><th class=\"n\">number</th>"
                   "<th class=\"n\">relative</th><th>not available</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; report_part(page->report, i); i++)
        put_part_counts(page, report_part(page->report, i));
    html_end_table(page, rows);
}

void html_put_parts_detail(const struct html *page)
{
    put_scaling(page);
    put_counts_table(page);
    put_parts_table(page);
}
