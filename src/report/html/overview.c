/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The results at a glance: in words, and all platforms side by side.
 */
#include <limits.h>
#include <string.h>

#include "report/count.h"
#include "report/html/charts.h"
#include "report/html/page.h"

#define OVERVIEW_PAIR_CELLS 16
#define SENTENCES_OPEN 24 /* more are folded */

static void put_sentence(const struct html *page, const struct report_row *row)
{
    CLEANUP_FREE char *sentence = report_sentence(page->report, row);
    const char *word = html_verdict_word(row);
    fprintf(page->out, "<li><span class=\"verdict %s\">%s</span><span>", word,
            strcmp(word, "none") == 0 ? "no result" : word);
    html_put(page, sentence);
    html_raw(page, "</span></li>\n");
}

static bool begin_list(const struct html *page, size_t count)
{
    bool folded = count > SENTENCES_OPEN;
    if (folded)
        fprintf(page->out, "<details><summary>%zu sentences</summary>", count);
    html_raw(page, "<ul class=\"verdicts\">\n");
    return folded;
}

static void end_list(const struct html *page, bool folded)
{
    html_raw(page, folded ? "</ul></details>\n" : "</ul>\n");
}

static void put_row_sentences(const struct html *page)
{
    const struct report *report = page->report;
    size_t told = 0, left = 0;
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        bool is_told = report_is_told(report, row);
        told += is_told;
        left += !is_told && row->metric->primary && row->baseline != row;
    }
    bool folded = begin_list(page, told);
    for (size_t i = 0; i < report->row_count; i++)
        if (report_is_told(report, &report->rows[i]))
            put_sentence(page, &report->rows[i]);
    end_list(page, folded);
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

static size_t for_counts(const struct html *page, bool write)
{
    const struct report *report = page->report;
    size_t told = 0;
    for (size_t i = 0; i < report->count_count; i++)
        for (size_t j = 0; j < report->counts[i].item_count; j++) {
            CLEANUP_FREE char *sentence =
                count_sentence(report, &report->counts[i], report->counts[i].items[j]);
            told += sentence != NULL;
            if (!sentence || !write)
                continue;
            html_raw(page, "<li><span class=\"verdict same\">count</span><span>");
            html_put(page, sentence);
            html_raw(page, "</span></li>\n");
        }
    return told;
}

static void put_count_sentences(const struct html *page)
{
    bool folded = begin_list(page, for_counts(page, false));
    for_counts(page, true);
    end_list(page, folded);
    html_raw(page,
             "<p class=\"note\">By the clock of the emulated server, which says nothing about "
             "real hardware:</p>\n");
}

void html_put_words(const struct html *page)
{
    html_raw(page, "<h2 id=\"words\">In words</h2>\n");
    if (page->report->emulated)
        put_count_sentences(page);
    put_row_sentences(page);
}

static void put_ratio_overview(const struct html *page, unsigned vms)
{
    CLEANUP_FREE char *caption = mem_printf(
        "%u %s: performance relative to the baseline with as many, higher is better. Large mark: "
        "mean with its %.3g %% interval, hollow without one; dots: single blocks.",
        vms, vms == 1 ? "machine" : "machines side by side", page->report->level * 100);
    html_put_chart(page, charts_add_overview(page->charts, page->report, vms), caption);
}

/* Has an earlier workload shown this one? */
static bool is_shown(const struct report *report, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (report->counts[i].valued &&
            report->counts[i].whole_trial == report->counts[at].whole_trial &&
            strcmp(report->counts[i].name, report->counts[at].name) == 0)
            return true;
    return false;
}

static void put_count_overview(const struct html *page, const struct report_count *count,
                               unsigned vms)
{
    CLEANUP_FREE char *caption =
        mem_printf("%u %s: %s, on a logarithmic scale; lower is better. Large mark: mean with its "
                   "%.3g %% interval, hollow without one; dots: single blocks.",
                   vms, vms == 1 ? "machine" : "machines side by side", count->kind->title,
                   page->report->level * 100);
    html_put_chart(page, charts_add_count_overview(page->charts, page->report, count, vms),
                   caption);
}

/* With one workload the chart would be that of the workload itself. */
static bool has_several(const struct report *report)
{
    const struct store_campaign *campaign = &report->campaign;
    for (size_t i = 1; i < campaign->cell_count; i++)
        if (strcmp(campaign->cells[i].workload, campaign->cells[0].workload) != 0)
            return true;
    return report->other_count > 0;
}

/* The smallest and the largest number of VMs, and how many cells have the smallest. */
struct extent {
    unsigned least, most;
    size_t cells;
};

static struct extent extent_of(const struct report *report)
{
    struct extent extent = {UINT_MAX, 0, 0};
    for (size_t i = 0; report_part(report, i); i++) {
        const struct store_campaign *campaign = &report_part(report, i)->campaign;
        for (size_t j = 0; j < campaign->cell_count; j++) {
            unsigned vms = campaign->cells[j].vms;
            extent.cells = vms < extent.least ? 0 : extent.cells;
            extent.least = vms < extent.least ? vms : extent.least;
            extent.most = vms > extent.most ? vms : extent.most;
            extent.cells += vms == extent.least;
        }
    }
    return extent;
}

static void put_all_charts(const struct html *page)
{
    const struct report *report = page->report;
    struct extent extent = extent_of(report);
    unsigned ends[2] = {extent.least, extent.most};
    size_t sizes = extent.least == extent.most ? 1 : 2;
    /* few enough columns for two charts in the width of a page? */
    const char *begin = extent.cells <= OVERVIEW_PAIR_CELLS ? "<div class=\"pair\">" : "<div>";
    for (size_t i = 0; report->emulated && i < report->count_count; i++) {
        const struct report_count *count = &report->counts[i];
        if (!count->valued || !count_is_main(report, count) || is_shown(report, i))
            continue;
        html_raw(page, begin);
        for (size_t j = 0; j < sizes; j++)
            put_count_overview(page, count, ends[j]);
        html_raw(page, "</div>");
    }
    html_raw(page, begin);
    for (size_t i = 0; i < sizes; i++)
        put_ratio_overview(page, ends[i]);
    html_raw(page, "</div>\n");
}

/* At the smallest and the largest number of VMs. */
void html_put_overview(const struct html *page)
{
    if (!has_several(page->report))
        return;
    size_t before = page->charts->count;
    html_raw(page, "<h2 id=\"overview\">All platforms side by side</h2>\n");
    if (page->report->other_count)
        html_put_parts(page);
    put_all_charts(page);
    if (page->report->other_count)
        html_put_parts_detail(page);
    if (page->charts->count == before)
        html_raw(page, "<p class=\"note\">No chart: no block has good trials of both a cell and "
                       "its baseline.</p>\n");
}
