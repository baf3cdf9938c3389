/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was measured, metric by metric, and how long machines took to boot.
 */
#include <math.h>
#include <string.h>

#include "report/figure.h"
#include "report/html/charts.h"
#include "report/html/page.h"
#include "report/number.h"

void html_put_ratio(const struct html *page, const struct report_row *row)
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
    const char *word = html_verdict_word(row);
    fprintf(page->out, "<td><span class=\"verdict %s\">%s</span>%s</td>", word,
            strcmp(word, "none") == 0 ? "no result" : word,
            result->disagree ? " (the bootstrap disagrees)" : "");
}

static void put_row(const struct html *page, const struct report_row *row)
{
    html_put_size(page, row->cell);
    fprintf(page->out, "<td class=\"n\">%zu", row->counts[TRIAL_OK]);
    if (row->counts[TRIAL_FAILED])
        fprintf(page->out, ", %zu failed", row->counts[TRIAL_FAILED]);
    if (row->counts[TRIAL_INVALID])
        fprintf(page->out, ", %zu invalid", row->counts[TRIAL_INVALID]);
    if (row->outliers)
        fprintf(page->out, ", %zu outlier%s", row->outliers, row->outliers == 1 ? "" : "s");
    const struct report_figure *missing = figure_find_missing(page->report, row);
    if (missing)
        html_putf(page, ", not available in %zu: %s", missing->missing_count, missing->missing);
    html_raw(page, "</td>");
    html_put_value(page, &row->value);
    html_put_value(page, &row->consolidated);
    html_put_ratio(page, row);
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
    html_put_size_heading(page);
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
    size_t ratio = charts_add_normalised(page->charts, page->report, rows, count);
    CLEANUP_FREE char *caption = mem_printf(
        "Normalised performance, higher is better. Large mark: mean with its %.3g %% interval, "
        "hollow without one; dots: single blocks; band: within %g %% of the baseline.",
        page->report->level * 100, page->report->margin * 100);
    html_put_chart(page, ratio, caption);
    if (!ratio)
        html_raw(page, "<p class=\"note\">No chart: no block has good trials of both a cell and "
                       "its baseline.</p>\n");
    size_t each = charts_add_scaling(page->charts, page->report, rows, count, false);
    size_t all = charts_add_scaling(page->charts, page->report, rows, count, true);
    if (!each && !all)
        return;
    html_raw(page, "<div class=\"pair\">");
    CLEANUP_FREE char *one = mem_printf("One machine, against how many run at once: %s is better.",
                                        rows[0].metric->higher_is_better ? "higher" : "lower");
    html_put_chart(page, each, one);
    bool is_cost = rows[0].metric->adds_up && !rows[0].metric->higher_is_better;
    html_put_chart(page, all,
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

void html_put_metrics(const struct html *page)
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

void html_put_boots(const struct html *page)
{
    const struct report *report = page->report;
    size_t chart = charts_add_boots(page->charts, report);
    if (!chart)
        return;
    html_raw(page, "<h2 id=\"boots\">Boot times</h2>\n");
    html_put_chart(
        page, chart,
        "From the start of a machine until its first command ran, over all workloads; the "
        "mean over the machines of a trial is one value. For native it is the start of the "
        "sandbox.");
    html_begin_table(page, "Boot time in seconds", report->boot_count);
    html_put_size_heading(page);
    html_raw(page, "<th class=\"n\">n</th><th class=\"n\">one machine, s</th>"
                   "<th class=\"n\">longest, s</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < report->boot_count; i++) {
        const struct report_boot *boot = &report->boots[i];
        char text[NUMBER_TEXT_MAX];
        html_put_size(page, boot->cell);
        fprintf(page->out, "<td class=\"n\">%zu</td>", boot->value.n);
        html_put_value(page, &boot->value);
        html_cell(page, "td class=\"n\"", number_format_plain(boot->longest, text));
        html_raw(page, "</tr>\n");
    }
    html_end_table(page, report->boot_count);
}
