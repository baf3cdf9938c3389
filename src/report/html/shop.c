/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Workload `shop`: how long pages took, what happened over time, and why each run ended.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/html/page.h"
#include "report/html/shop-charts.h"
#include "report/number.h"

static void put_seconds(const struct html *page, double seconds)
{
    char text[NUMBER_TEXT_MAX];
    html_cell(page, "td class=\"n\"", number_format_plain(seconds, text));
}

static void put_percent(const struct html *page, double share)
{
    if (isfinite(share))
        fprintf(page->out, "<td class=\"n\">%.2f</td>", 100 * share);
    else
        html_raw(page, "<td class=\"n\">-</td>");
}

static void put_text(const struct html *page, const char *text)
{
    html_cell(page, "td class=\"t\"", text ? text : "-");
}

static void put_run(const struct html *page, const struct shop_run *run)
{
    char text[NUMBER_TEXT_MAX];
    html_put_size(page, run->cell);
    fprintf(page->out, "<td class=\"n\">%" PRIu64 "</td>", run->trial->block);
    html_cell(page, "td", trial_status_names[run->trial->status]);
    html_cell(page, "td class=\"n\"", number_format_plain(run->sessions, text));
    html_cell(page, "td", run->verdict ? run->verdict : "-");
    html_cell(page, "td", run->limit ? run->limit : "-");
    put_text(page, run->ended);
    put_text(page, run->beyond);
    html_raw(page, "</tr>\n");
}

static void put_runs(const struct html *page, const struct report_shop *shop, const char *workload)
{
    size_t rows = 0;
    const char *setting = NULL;
    for (size_t i = 0; i < shop->run_count; i++)
        if (strcmp(shop->runs[i].cell->workload, workload) == 0) {
            rows++;
            setting = setting ? setting : shop->runs[i].setting;
        }
    html_raw(page, "<h3>Why each run ended as it did</h3>\n");
    if (setting) {
        html_raw(page, "<p class=\"note\">");
        html_putf(page, "Setting: %s.", setting);
        html_raw(page, "</p>\n");
    }
    CLEANUP_FREE char *caption = mem_printf("%s: every trial", workload);
    html_begin_table(page, caption, rows);
    html_put_size_heading(page);
    html_raw(page, "<th class=\"n\">block</th><th>trial</th><th class=\"n\">sessions a machine</th>"
                   "<th>verdict</th><th>limited by</th><th>why it ended</th><th>beyond</th>"
                   "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shop->run_count; i++)
        if (strcmp(shop->runs[i].cell->workload, workload) == 0)
            put_run(page, &shop->runs[i]);
    html_end_table(page, rows);
}

static void put_cell(const struct html *page, const struct report_shop *shop,
                     const struct shop_cell *cell)
{
    const struct hdr *raw = shop_find_times(cell, "raw"), *lag = shop_find_times(cell, "lag");
    const struct hdr *planned = shop_find_times(cell, "planned");
    html_put_size(page, cell->cell);
    fprintf(page->out, "<td class=\"n\">%zu</td>", cell->trials);
    put_seconds(page, shop_quantile_s(raw, 0.5));
    put_seconds(page, shop_quantile_s(planned, 0.5));
    put_seconds(page, shop_quantile_s(raw, 0.99));
    put_seconds(page, shop_quantile_s(planned, 0.99));
    put_seconds(page, shop_quantile_s(planned, 1));
    put_seconds(page, shop_quantile_s(lag, 0.99));
    put_percent(page, planned ? shop_share_within(planned, shop->good_s) : NAN);
    put_percent(page, planned ? shop_share_within(planned, shop->tolerable_s) : NAN);
    put_percent(page, cell->busy);
    put_percent(page, cell->steal);
    put_percent(page, cell->vcpu_wait);
    html_raw(page, "</tr>\n");
}

static size_t count_cells(const struct report_shop *shop, const char *workload)
{
    size_t cells = 0;
    for (size_t i = 0; i < shop->cell_count; i++)
        cells += strcmp(shop->cells[i].cell->workload, workload) == 0;
    return cells;
}

static void put_limit_headings(const struct html *page)
{
    html_raw(page, "<th class=\"n\">good, %</th><th class=\"n\">tolerable, %</th>");
}

/* What the two columns mean. */
static char *format_limits(const struct report_shop *shop)
{
    if (!(shop->good_s > 0 && shop->tolerable_s > 0))
        return mem_strdup(
            "trials were held to different times, so none are good or tolerable here");
    return mem_printf("good: within %g s, tolerable: within %g s", shop->good_s, shop->tolerable_s);
}

static void put_cells(const struct html *page, const struct report_shop *shop, const char *workload)
{
    size_t rows = count_cells(shop, workload);
    CLEANUP_FREE char *limits = format_limits(shop);
    CLEANUP_FREE char *caption =
        mem_printf("%s: times of complete pages in s, all n good trials together, from the actual "
                   "(raw) and the planned start; %s; CPU of the machines in %%",
                   workload, limits);
    html_begin_table(page, caption, rows);
    html_put_size_heading(page);
    html_raw(page,
             "<th class=\"n\">n</th><th class=\"n\">raw p50</th><th class=\"n\">planned p50</th>"
             "<th class=\"n\">raw p99</th><th class=\"n\">planned p99</th>"
             "<th class=\"n\">longest</th><th class=\"n\">lag p99</th>");
    put_limit_headings(page);
    html_raw(page, "<th class=\"n\">busy</th><th class=\"n\">steal</th><th class=\"n\">vCPU "
                   "wait</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shop->cell_count; i++)
        if (strcmp(shop->cells[i].cell->workload, workload) == 0)
            put_cell(page, shop, &shop->cells[i]);
    html_end_table(page, rows);
}

static void put_page_times(const struct html *page, const struct report_shop *shop,
                           const struct shop_cell *cell, const struct shop_times *times)
{
    html_put_size(page, cell->cell);
    html_cell(page, "td", times->tag);
    fprintf(page->out, "<td class=\"n\">%" PRIu64 "</td>", times->hdr.count);
    put_seconds(page, shop_quantile_s(&times->hdr, 0.5));
    put_seconds(page, shop_quantile_s(&times->hdr, 0.9));
    put_seconds(page, shop_quantile_s(&times->hdr, 0.95));
    put_seconds(page, shop_quantile_s(&times->hdr, 0.99));
    put_seconds(page, shop_quantile_s(&times->hdr, 1));
    put_percent(page, shop_share_within(&times->hdr, shop->good_s));
    put_percent(page, shop_share_within(&times->hdr, shop->tolerable_s));
    html_raw(page, "</tr>\n");
}

static void put_pages(const struct html *page, const struct report_shop *shop, const char *workload)
{
    size_t rows = 0;
    for (size_t i = 0; i < shop->cell_count; i++)
        if (strcmp(shop->cells[i].cell->workload, workload) == 0)
            rows += shop->cells[i].times_count;
    if (rows == 0)
        return;
    html_begin_table(page, "Page by page: times from the planned start in s", rows);
    html_put_size_heading(page);
    html_raw(page, "<th>page</th><th class=\"n\">pages</th><th class=\"n\">p50</th>"
                   "<th class=\"n\">p90</th><th class=\"n\">p95</th><th class=\"n\">p99</th>"
                   "<th class=\"n\">longest</th>");
    put_limit_headings(page);
    html_raw(page, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shop->cell_count; i++)
        for (size_t j = 0; j < shop->cells[i].times_count; j++)
            if (strcmp(shop->cells[i].cell->workload, workload) == 0 &&
                shop_is_page(&shop->cells[i].times[j]))
                put_page_times(page, shop, &shop->cells[i], &shop->cells[i].times[j]);
    html_end_table(page, rows);
}

static void put_charts(const struct html *page, const struct shop_view *view)
{
    struct chart_list *charts = page->charts;
    fprintf(page->out, "<h3>%u machine%s</h3>\n", view->vms,
            view->vms == 1 ? "" : "s side by side");
    html_put_chart(page, shop_charts_add_pages(charts, view),
                   "How long pages took. Thick bar: the middle half; thin: from 5 to 95 %; mark: "
                   "half of the pages are faster; tick: 99 %; dot: the longest. Left of the first "
                   "dashed line a page is good, left of the second tolerable.");
    html_raw(page, "<div class=\"pair\">");
    html_put_chart(page, shop_charts_add_density(charts, view, "raw"),
                   "From the actual start: what a load generator sees that waits its turn.");
    html_put_chart(page, shop_charts_add_density(charts, view, "planned"),
                   "From the planned start: what shoppers see, and what counts.");
    html_raw(page, "</div>\n<div class=\"pair\">");
    html_put_chart(page, shop_charts_add_seconds(charts, view, "pages", "pages per second"),
                   "Throughput over time, in the trial with the median number of sessions.");
    html_put_chart(page,
                   shop_charts_add_seconds(charts, view, "failed_pages", "failed pages per second"),
                   "Errors over time, in the same trial.");
    html_put_chart(page, shop_charts_add_seconds(charts, view, "sessions", "sessions"),
                   "Sessions over time, in the same trial.");
    html_put_chart(page, shop_charts_add_search(charts, view),
                   "The search: share of good pages against sessions; dashed: what it takes to "
                   "pass.");
    html_raw(page, "</div>\n");
}

static void put_workload(const struct html *page, const struct report_shop *shop,
                         const char *workload)
{
    unsigned least = UINT32_MAX, most = 0;
    for (size_t i = 0; i < shop->cell_count; i++) {
        const struct store_cell *cell = shop->cells[i].cell;
        if (strcmp(cell->workload, workload) != 0)
            continue;
        least = cell->vms < least ? cell->vms : least;
        most = cell->vms > most ? cell->vms : most;
    }
    html_raw(page, "<h2>");
    html_putf(page, "%s: quality of service", workload);
    html_raw(page, "</h2>\n");
    struct shop_view view = {page->report, shop, workload, least};
    put_charts(page, &view);
    view.vms = most;
    if (most != least)
        put_charts(page, &view);
    put_runs(page, shop, workload);
    put_cells(page, shop, workload);
    put_pages(page, shop, workload);
}

void html_put_shop(const struct html *page)
{
    const struct report_shop *shop = page->report->shop;
    const char *workload = NULL;
    for (size_t i = 0; shop && i < shop->cell_count; i++) {
        if (workload && strcmp(workload, shop->cells[i].cell->workload) == 0)
            continue; /* cells come workload by workload */
        workload = shop->cells[i].cell->workload;
        put_workload(page, shop, workload);
    }
    if (shop && shop->damage) {
        html_raw(page, "<p class=\"notice\">");
        html_putf(page, "%zu attachments could not be read and are left out; the first: %s",
                  shop->damaged, shop->damage);
        html_raw(page, "</p>\n");
    }
}
