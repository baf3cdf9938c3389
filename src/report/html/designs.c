/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Designs of performance counters side by side: one chart and one table.
 */
#include "report/designs.h"
#include "report/html/charts.h"
#include "report/html/page.h"

static bool is_measured(const struct contrast *contrast, unsigned design)
{
    for (size_t i = 0; i < contrast->count; i++)
        if (contrast->cells[i].design == design)
            return true;
    return false;
}

static void put_row(const struct html *page, unsigned work, unsigned vms,
                    enum contrast_metric metric)
{
    const struct contrast *contrast = &page->report->designs->contrast;
    char text[CONTRAST_TEXT_MAX];
    html_raw(page, "<tr>");
    html_cell(page, "td", measure_works[work]);
    fprintf(page->out, "<td class=\"n\">%u</td>", vms);
    html_cell(page, "td", contrast_titles[metric]);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        const struct contrast_cell *cell = contrast_find(contrast, work, vms, design);
        if (is_measured(contrast, design))
            html_cell(page, "td class=\"n\"",
                      cell ? contrast_format(&cell->values[metric], metric, text) : "-");
    }
    html_raw(page, "</tr>\n");
}

/* Calls for each row; returns how many there are. page NULL: only counts. */
static size_t put_rows(const struct html *page, const struct contrast *contrast)
{
    size_t rows = 0;
    for (unsigned vms = 1; vms <= MEASURE_VMS_MAX; vms++)
        for (unsigned work = 0; work < WORK_COUNT; work++)
            for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++) {
                if (!contrast_has(contrast, work, vms, (enum contrast_metric)metric))
                    continue;
                rows++;
                if (page)
                    put_row(page, work, vms, (enum contrast_metric)metric);
            }
    return rows;
}

static void put_table(const struct html *page)
{
    const struct contrast *contrast = &page->report->designs->contrast;
    size_t rows = put_rows(NULL, contrast);
    html_begin_table(page,
                     "Each work on each design: means with the half width of their 95 % interval "
                     "(as a share of the mean where that is not 0) and n",
                     rows);
    html_raw(page, "<thead><tr><th>work</th><th class=\"n\">VMs</th><th>number</th>");
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (is_measured(contrast, design))
            html_cell(page, "th class=\"n\"", measure_designs[design]);
    html_raw(page, "</tr></thead>\n<tbody>\n");
    put_rows(page, contrast);
    html_end_table(page, rows);
}

static void put_notes(const struct html *page)
{
    const struct contrast *contrast = &page->report->designs->contrast;
    html_raw(page, "<p class=\"note\">");
    html_putf(page, "%s %s", contrast_slowdown_sentence, contrast_sight_sentence);
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        if (contrast->sights[design] != SIGHT_UNKNOWN)
            html_putf(page, " %s: %s.", measure_designs[design],
                      contrast_sight_words[contrast->sights[design]]);
    html_raw(page, "</p>\n");
    for (size_t i = 0; i < contrast->count; i++) {
        const struct contrast_cell *cell = &contrast->cells[i];
        if (!cell->failed)
            continue;
        html_raw(page, "<p class=\"notice\">");
        html_putf(page, "%s, %u VM%s, %s: %u failed: %s", measure_works[cell->work], cell->vms,
                  cell->vms == 1 ? "" : "s", measure_designs[cell->design], cell->failed,
                  cell->failure->cause);
        html_raw(page, "</p>\n");
    }
}

void html_put_designs(const struct html *page)
{
    const struct report_designs *designs = page->report->designs;
    if (!designs)
        return;
    html_raw(page, "<h2 id=\"designs\">Designs of performance counters</h2>\n<p class=\"note\">");
    html_putf(page,
              "%s, no part of this campaign: the same works on counters of four designs, in an "
              "emulated server. Counts, not time on silicon.",
              designs->title);
    html_raw(page, "</p>\n");
    html_put_chart(page, charts_add_designs(page->charts, page->report),
                   "Instructions of the whole machine for the same work; 1 is without counters, "
                   "lower is better. Marks: means with their intervals, hollow without one.");
    put_table(page);
    put_notes(page);
}
