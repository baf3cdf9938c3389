/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections of the HTML report behind the charts.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/html/asset.h"
#include "report/escape.h"
#include "report/html/page.h"
#include "report/json.h"
#include "report/number.h"
#include "report/starts.h"

static void put_console(const struct html *page, const struct store_machine *machine)
{
    fprintf(page->out, "<details><summary>Console of machine %u</summary><pre>", machine->index);
    html_put(page, machine->console_tail);
    html_raw(page, "</pre></details>\n");
}

static void put_problem(const struct html *page, const struct report *part,
                        const struct store_trial *trial)
{
    const struct store_cell *cell = label_find_cell(part, trial->cell_id);
    CLEANUP_FREE char *label = cell ? label_of_cell(cell) : mem_strdup("unknown cell");
    const char *word = trial->status == TRIAL_INVALID ? "does not count" : "failed";
    fprintf(page->out, "<div class=\"problem %s\"><p><strong>", trial_status_names[trial->status]);
    html_put(page, label);
    fprintf(page->out,
            "</strong> <span class=\"note\">block %" PRIu64 ", trial %" PRId64
            ", %s</span></p>\n<p>",
            trial->block, trial->id, word);
    html_put(page, trial->cause ? trial->cause : "no cause was given");
    html_raw(page, "</p>\n");
    for (size_t i = 0; i < trial->machine_count; i++)
        if (trial->machines[i].console_tail)
            put_console(page, &trial->machines[i]);
    html_raw(page, "</div>\n");
}

static size_t count_problems(const struct report *part)
{
    size_t problems = 0;
    for (size_t i = 0; i < part->trial_count; i++)
        problems += part->trials[i].status != TRIAL_OK;
    return problems;
}

static void put_problems_of(const struct html *page, const struct report *part)
{
    size_t problems = count_problems(part);
    if (problems == 0)
        return;
    html_raw(page, "<p>");
    if (page->report->other_count)
        html_putf(page, "Campaign %" PRId64 ", %s: ", part->campaign.id, part->campaign.name);
    html_putf(page,
              "%zu of %zu trials. They are in no mean and no interval; a block without a "
              "good trial of both a cell and its baseline gives that cell no ratio.",
              problems, part->trial_count);
    html_raw(page, "</p>\n");
    for (size_t i = 0; i < part->trial_count; i++)
        if (part->trials[i].status != TRIAL_OK)
            put_problem(page, part, &part->trials[i]);
}

/* Of each campaign, only where there are any. */
static void put_starts(const struct html *page, const struct report *part)
{
    CLEANUP_FREE char *cells = starts_describe(part);
    if (!cells)
        return;
    html_raw(page, "<p>");
    if (page->report->other_count)
        html_putf(page, "Campaign %" PRId64 ", %s: ", part->campaign.id, part->campaign.name);
    html_putf(page,
              "Machines that were not there at the first try, so that they were started "
              "again: %s.",
              cells);
    html_raw(page, "</p>\n");
}

void html_put_problems(const struct html *page)
{
    size_t problems = 0;
    html_raw(page, "<h2 id=\"problems\">Failed and suspect trials</h2>\n");
    for (size_t i = 0; report_part(page->report, i); i++)
        put_starts(page, report_part(page->report, i));
    for (size_t i = 0; report_part(page->report, i); i++) {
        problems += count_problems(report_part(page->report, i));
        put_problems_of(page, report_part(page->report, i));
    }
    if (problems == 0)
        html_raw(page, "<p>No trial failed, and none is suspect.</p>\n");
}

static void put_further_figure(const struct html *page, const struct report_figure *figure)
{
    char text[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *label = label_of_cell(figure->cell);
    html_raw(page, "<tr>");
    html_cell(page, "th", label);
    html_cell(page, "td", figure->name);
    html_cell(page, "td", figure->whole_trial ? "trial" : "machine");
    fprintf(page->out, "<td class=\"n\">%zu</td>", figure->value.n);
    html_cell(page, "td class=\"n\"", number_format_value(&figure->value, text));
    html_raw(page, "<td class=\"t\">");
    if (figure->missing)
        html_putf(page, "not available in %zu trial%s: %s", figure->missing_count,
                  figure->missing_count == 1 ? "" : "s", figure->missing);
    html_raw(page, "</td></tr>\n");
}

void html_put_figures(const struct html *page)
{
    const struct report *report = page->report;
    if (report->figure_count == 0)
        return;
    html_raw(page, "<h2 id=\"figures\">Further figures</h2>\n<p class=\"note\">Means over good "
                   "trials. Names that end in <code>_ns</code> are in nanoseconds.</p>\n");
    html_begin_table(page, "Further figures of each cell", report->figure_count);
    html_raw(page, "<thead><tr><th>cell</th><th>figure</th><th>of a</th><th class=\"n\">n</th>"
                   "<th class=\"n\">mean</th><th>not available</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < report->figure_count; i++)
        put_further_figure(page, &report->figures[i]);
    html_end_table(page, report->figure_count);
}

static const struct {
    const char *word;
    const char *meaning;
} guide[] = {
    {"trial", "One execution of a workload on freshly started machines. Its machines start "
              "together, at one barrier."},
    {"block", "One pass over all cells in random order. What the host did meanwhile disturbs the "
              "cells of one block alike, so cells are compared block by block."},
    {"one machine", "The mean over the machines of a trial, then over trials."},
    {"all together", "What the machines of a trial did at once: the sum of throughputs, or for "
                     "times the sum of 1/time, that is work done per unit of time."},
    {"normalised", "Performance divided by that of the baseline with as many machines, in the same "
                   "block; the geometric mean over blocks. 1 is the baseline and higher is better, "
                   "also for times."},
    {"interval", "[lo, hi]: if the campaign were repeated many times, 95 of 100 such intervals "
                 "would hold the true mean. Student's t, for ratios on their logarithms. With one "
                 "value there is none."},
    {"slower, faster", "The whole interval lies on one side of 1, and not within the margin."},
    {"same", "The whole interval lies within the margin around 1: a difference, if any, is smaller "
             "than matters."},
    {"undecided", "The data fit both a difference and none. More blocks would tell."},
    {"bootstrap check", "The same interval by a second method (BCa), which assumes less. Where the "
                        "two lead to different verdicts, trust neither yet."},
    {"outlier", "A value far from its like. It is marked and still counted."},
    {"invalid", "The trial ended, but its number must not count, for instance because clocks of "
                "host and guest disagreed."},
};

void html_put_guide(const struct html *page)
{
    html_raw(page, "<h2 id=\"guide\">How to read this</h2>\n<dl>\n");
    for (size_t i = 0; i < COUNT_OF(guide); i++) {
        html_raw(page, "<dt>");
        html_put(page, guide[i].word);
        html_raw(page, "</dt><dd>");
        html_put(page, guide[i].meaning);
        html_raw(page, "</dd>\n");
    }
    html_raw(page, "</dl>\n<p>");
    html_putf(page, "Intervals here have a level of %.4g %%", page->report->level * 100);
    html_raw(page, page->report->adaptive
                       ? ", wider than 95 %, because the campaign looked at its results to decide "
                         "when to stop; so the error over all looks together stays at 5 %.</p>\n"
                       : ".</p>\n");
}

static void put_script_data(const struct html *page, const char *id, const char *json)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_script(&buf, json);
    fprintf(page->out, "<script type=\"application/json\" id=\"%s\">%s</script>\n", id, buf.text);
}

void html_put_end(const struct html *page)
{
    html_raw(page, "</main>\n<footer><p>");
    html_putf(page,
              "Made by vtax " VTAX_VERSION " from %s. Raw samples: vtax report --format csv; "
              "the same figures for programs: --format json.",
              page->report->store_path);
    html_raw(page, "</p></footer>\n<noscript><p class=\"note\">Charts need JavaScript; the tables "
                   "have all numbers.</p></noscript>\n");
    CLEANUP_JSON json_t *data = chart_take_data(page->charts, page->report);
    CLEANUP_FREE char *text =
        json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    put_script_data(page, "chart-data", text);
    for (enum asset spec = ASSET_SPEC_FIRST; spec <= ASSET_SPEC_LAST; spec++) {
        if (!chart_is_used(data, asset_name(spec)))
            continue;
        CLEANUP_FREE char *id = mem_printf("spec-%s", asset_name(spec));
        CLEANUP_FREE char *json = asset_text(spec);
        put_script_data(page, id, json);
    }
    html_raw(page, "<script>");
    asset_put(ASSET_SCRIPT, page->out);
    html_raw(page, "</script>\n</body>\n</html>\n");
}
