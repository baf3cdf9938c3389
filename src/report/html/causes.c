/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the difference to the baseline went: a waterfall for each cell, and the numbers.
 */
#include <math.h>
#include <string.h>

#include "report/causes.h"
#include "report/html/page.h"

/* Bars of a waterfall begin where the one before ended. */
struct waterfall {
    struct chart chart;
    double at; /* percent of what the baseline needs */
    int lanes;
};

/* The interval is that of the bar's end. */
static void add_step(struct waterfall *waterfall, const char *label, const char *kind,
                     const struct explained *step)
{
    char text[80];
    bool is_whole = strcmp(kind, "cell") == 0 || strcmp(kind, "baseline") == 0;
    double from = is_whole ? 0 : waterfall->at;
    double base = is_whole ? 100 : waterfall->at;
    double to = base + 100 * step->mean;
    bool bounded = step->interval.state == INTERVAL_OK;
    CLEANUP_FREE char *tip = mem_printf("%s: %s", label, causes_format(step, text, sizeof(text)));
    json_array_append_new(
        waterfall->chart.rows,
        json_pack("{s:o, s:s, s:f, s:f, s:o, s:o, s:o}", "label", chart_shown(label), "kind", kind,
                  "from", from, "to", to, "lo",
                  bounded ? json_real(base + 100 * step->interval.lo) : json_null(), "hi",
                  bounded ? json_real(base + 100 * step->interval.hi) : json_null(), "tip",
                  chart_shown(tip)));
    waterfall->at = to;
    waterfall->lanes++;
}

static size_t add_chart(const struct html *page, const struct report_explanation *item)
{
    const struct explanation *explanation = &item->explanation;
    struct waterfall waterfall = {.chart = chart_new(0)};
    const struct explained nothing = {.n = explanation->pairs,
                                      .interval = {.state = INTERVAL_TOO_FEW}};
    const char *baseline = item->row->baseline->cell->platform;
    const char *platform = item->row->cell->platform;
    add_step(&waterfall, baseline, "baseline", &nothing);
    for (size_t i = 0; i < explanation->cause_count; i++) {
        const struct explained_cause *cause = &explanation->causes[i];
        if (isfinite(cause->cost.mean) && cause->cost.mean != 0)
            add_step(&waterfall, cause_names[cause->cause], "cause", &cause->cost);
    }
    add_step(&waterfall, "unexplained", "unexplained", &explanation->unexplained);
    add_step(&waterfall, strcmp(platform, baseline) == 0 ? "this cell" : platform, "cell",
             &explanation->gap);
    CLEANUP_FREE char *title = causes_unit(item);
    return chart_finish(
        page->charts, &waterfall.chart, "waterfall",
        json_pack("{s:o, s:i}", "title", chart_shown(title), "lanes", waterfall.lanes));
}

static void put_line(const struct html *page, const char *name, const struct explained *cost,
                     const char *evidence)
{
    char text[80];
    html_raw(page, "<tr>");
    html_cell(page, "th", name);
    html_cell(page, "td class=\"n\"", causes_format(cost, text, sizeof(text)));
    html_cell(page, "td class=\"t\"", evidence);
    html_raw(page, "</tr>\n");
}

static void put_location(const struct html *page, const char *name, const struct explained *share,
                         const char *what)
{
    if (share->n > 0 && isfinite(share->mean) && share->mean != 0)
        put_line(page, name, share, what);
}

static void put_table(const struct html *page, const struct report_explanation *item)
{
    const struct explanation *explanation = &item->explanation;
    CLEANUP_FREE char *caption = causes_sentence(item);
    CLEANUP_FREE char *rest = causes_rest_evidence(explanation);
    size_t rows = explanation->cause_count + 2;
    html_begin_table(page, caption, rows);
    html_raw(page, "<thead><tr><th>cause</th><th class=\"n\">cost</th><th>evidence</th></tr>"
                   "</thead>\n<tbody>\n");
    for (size_t i = 0; i < explanation->cause_count; i++)
        put_line(page, cause_names[explanation->causes[i].cause], &explanation->causes[i].cost,
                 explanation->causes[i].evidence);
    put_line(page, "unexplained", &explanation->unexplained, rest);
    for (size_t i = 0; i < explanation->reason_count; i++) {
        CLEANUP_FREE char *name = mem_printf("\u2026 exits: %s", explanation->reasons[i].name);
        CLEANUP_FREE char *evidence = causes_reason_evidence(&explanation->reasons[i]);
        put_line(page, name, &explanation->reasons[i].cost, evidence);
    }
    put_location(page, "\u2026 in guest mode", &explanation->in_guest,
                 "CPU time outside of exits, more than natively; no cause, not added");
    put_location(page, "\u2026 idle", &explanation->idle,
                 "nothing to run, more than natively; no cause, not added");
    put_location(page, "halt polling", &explanation->polling,
                 "while the guest is idle: costs the host, not this work; not added");
    put_location(page, "steal seen by the guest", &explanation->steal,
                 "what its own kernel knows of the waiting; not added");
    put_location(page, "reads from the host's cache", &explanation->cached,
                 "of what the guest read, no disk of the host gave it; not added");
    put_location(page, "contention natively", &item->contention,
                 "as many native instances against one alone; not added");
    put_location(page, "contention and the difference", &item->consolidated,
                 "these machines against one native instance alone; not added");
    html_end_table(page, rows);
}

static void put_explanation(const struct html *page, const struct report_explanation *item)
{
    CLEANUP_FREE char *label = label_of_cell(item->row->cell);
    html_raw(page, "<h3>");
    html_put(page, label);
    html_raw(page, ": ");
    html_put(page, causes_measure(item));
    html_raw(page, "</h3>\n");
    if (report_is_told(page->report, item->row))
        html_put_chart(page, add_chart(page, item),
                       "From the baseline to this cell: bars are costs of causes, lines their "
                       "intervals. Grey: what no probe explains. Lower is better.");
    put_table(page, item);
}

void html_put_causes(const struct html *page)
{
    const struct report *report = page->report;
    if (report->explanation_count == 0)
        return;
    html_raw(page, "<h2 id=\"causes\">Where the difference went</h2>\n<p class=\"note\">What "
                   "a cell needs more than its baseline for the same work, in time or in "
                   "instructions as each heading says, divided into causes. Each has its evidence "
                   "and claims no more than was measured; causes and the unexplained remainder "
                   "add up.</p>\n");
    for (size_t i = 0; i < report->explanation_count; i++)
        put_explanation(page, &report->explanations[i]);
}
