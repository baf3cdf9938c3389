/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report as one HTML file that works offline. Texts and tables are plain HTML; the script adds
 * the charts. A content security policy admits that one script by its digest and nothing else, so
 * that even a slip in escaping could run nothing.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "report/html/asset.h"
#include "report/format.h"
#include "report/html/page.h"
#include "report/label.h"
#include "report/provenance.h"

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

static void put_count_contents(const struct html *page)
{
    const struct report *report = page->report;
    for (size_t i = 0; report->emulated && i < report->count_count; i++) {
        const char *workload = report->counts[i].workload;
        if (i > 0 && strcmp(report->counts[i - 1].workload, workload) == 0)
            continue;
        fprintf(page->out, "<a href=\"#count-%zu\">", i);
        html_putf(page, "%s: counts", workload);
        html_raw(page, "</a>");
    }
}

/* Links to the sections; a workload's is its first row. */
static void put_contents(const struct html *page)
{
    const struct report *report = page->report;
    html_raw(page, "<nav>");
    put_count_contents(page);
    for (size_t i = 0; report->trial_count && i < report->row_count; i++) {
        const struct store_metric *metric = report->rows[i].metric;
        if (!metric->primary || (i > 0 && report->rows[i - 1].metric == metric))
            continue;
        fprintf(page->out, "<a href=\"#row-%zu\">", i);
        html_putf(page, "%s: %s", metric->workload, metric->name);
        html_raw(page, "</a>");
    }
    if (report->explanation_count)
        html_raw(page, "<a href=\"#causes\">Where the difference went</a>");
    if (report->designs)
        html_raw(page, "<a href=\"#designs\">Designs of counters</a>");
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
    else if (page->report->emulated)
        html_raw(page,
                 "The campaign did not end: its emulated server was stopped or died. What "
                 "follows is what was measured until then; <code>vtax lab run</code> measures "
                 "anew.");
    else
        html_raw(page, "The campaign has not ended: it is under way, or was killed. "
                       "<code>vtax run --resume</code> goes on with it.");
    html_raw(page, "</p>\n");
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
        html_put_overview(&page);
        html_put_words(&page);
        if (report->emulated)
            html_put_counts(&page);
        html_put_metrics(&page);
        html_put_causes(&page);
        html_put_shop(&page);
        if (!report->emulated)
            html_put_counts(&page);
        html_put_boots(&page);
    }
    html_put_designs(&page);
    html_put_problems(&page);
    html_put_figures(&page);
    html_put_provenance(&page);
    html_put_guide(&page);
    html_put_end(&page);
}
