/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Instructions, VM exits, world switches: what each cell took of them, and of what they consist.
 */
#include <string.h>

#include "report/count.h"
#include "report/html/charts.h"
#include "report/html/page.h"
#include "report/number.h"

static void put_item(const struct html *page, const struct report_count *count,
                     const struct report_figure *figure)
{
    html_put_size(page, figure->cell);
    html_cell(page, "td", count->part ? count->part : count->kind->title);
    html_cell(page, "td", count->whole_trial ? "trial" : "machine");
    fprintf(page->out, "<td class=\"n\">%zu</td>", figure->value.n);
    html_put_value(page, &figure->value);
    char text[NUMBER_TEXT_MAX];
    html_cell(page, "td class=\"n\"", count_format_relative(&figure->relative, text));
    html_raw(page, "<td class=\"t\">");
    if (figure->missing)
        html_putf(page, "not available in %zu trial%s: %s", figure->missing_count,
                  figure->missing_count == 1 ? "" : "s", figure->missing);
    html_raw(page, "</td></tr>\n");
}

static void put_table(const struct html *page, const struct report_count *counts, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += counts[i].item_count;
    CLEANUP_FREE char *caption = mem_printf(
        "%s: mean over good trials with %.3g %% interval [lo, hi]; relative: mean ratio to the "
        "baseline, 2 is twice as many",
        counts[0].workload, page->report->level * 100);
    html_begin_table(page, caption, rows);
    html_put_size_heading(page);
    html_raw(page, "<th>count</th><th>of one</th><th class=\"n\">n</th><th class=\"n\">number</th>"
                   "<th class=\"n\">relative</th><th>not available</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < counts[i].item_count; j++)
            put_item(page, &counts[i], counts[i].items[j]);
    html_end_table(page, rows);
}

/* Counts of one kind: the whole first, then its parts. */
static void put_charts(const struct html *page, const struct report_count *counts, size_t count)
{
    size_t wholes = 0;
    for (; wholes < count && !counts[wholes].part; wholes++) {
        CLEANUP_FREE char *caption = mem_printf(
            "How many %s; lower is better. Large mark: mean with its interval, hollow without one; "
            "dots: single blocks.",
            counts[wholes].kind->title);
        html_put_chart(page, charts_add_count(page->charts, page->report, &counts[wholes]),
                       caption);
    }
    if (wholes == count)
        return;
    CLEANUP_FREE char *caption =
        mem_printf("Of what the %s consist: means, the largest parts.", counts[wholes].kind->title);
    html_put_chart(page,
                   charts_add_parts(page->charts, page->report, &counts[wholes], count - wholes),
                   caption);
}

static void put_workload(const struct html *page, const struct report_count *counts, size_t count)
{
    fprintf(page->out, "<h2 id=\"count-%td\">", counts - page->report->counts);
    html_putf(page, "%s: counts", counts[0].workload);
    html_raw(page, "</h2>\n");
    for (size_t i = 0; i < count;) {
        size_t alike = 1;
        while (i + alike < count && counts[i + alike].kind == counts[i].kind)
            alike++;
        put_charts(page, &counts[i], alike);
        i += alike;
    }
    put_table(page, counts, count);
}

void html_put_counts(const struct html *page)
{
    const struct report *report = page->report;
    for (size_t i = 0; i < report->count_count;) {
        size_t count = 0, valued = 0;
        for (; i + count < report->count_count &&
               strcmp(report->counts[i + count].workload, report->counts[i].workload) == 0;
             count++)
            valued += report->counts[i + count].valued;
        if (valued || report->emulated)
            put_workload(page, &report->counts[i], count);
        i += count;
    }
    if (report->emulated && report->count_count == 0)
        html_raw(page, "<p class=\"notice\">This campaign stored no counts.</p>\n");
    if (report->emulated)
        html_raw(page, "<h2 id=\"seconds\">By the clock</h2>\n<p class=\"notice\">What follows "
                       "was taken with the clock of an emulated server. It says whether the work "
                       "ran, not how fast it runs on real hardware.</p>\n");
}
