/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * page: what the files that write an HTML page share. html_put() and html_putf() escape; html_raw()
 * is for our own markup only.
 */
#pragma once

#include "report/html/chart.h"
#include "report/label.h"
#include "report/report.h"

struct html {
    const struct report *report;
    FILE *out;
    struct label_variety variety;
    struct chart_list *charts;
};

void html_put(const struct html *page, const char *text);
void html_putf(const struct html *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void html_raw(const struct html *page, const char *markup);
/* <TAG>text</TA>: tag is "td" or "th", and may carry attributes. */
void html_cell(const struct html *page, const char *tag, const char *text);
/* The heading row and <tbody> are the caller's. A long table is folded. */
void html_begin_table(const struct html *page, const char *caption, size_t rows);
void html_end_table(const struct html *page, size_t rows);

/* The first columns of a table about cells: platform, VMs and, where they differ, vCPUs and memory.
 * The row is opened, not closed. */
void html_put_size_heading(const struct html *page);
void html_put_size(const struct html *page, const struct store_cell *cell);
/* A number with its interval, in a cell of a table. */
void html_put_value(const struct html *page, const struct report_value *value);
/* What a row is relative to its baseline: ratio, n, the bootstrap's, verdict: four cells. */
void html_put_ratio(const struct html *page, const struct report_row *row);
/* What a row's verdict is called; also the name of its colour. */
const char *html_verdict_word(const struct report_row *row);
/* id: of chart_finish(); nothing for 0. */
void html_put_chart(const struct html *page, size_t id, const char *caption);

/* Of several campaigns: what they are, and the pictures and tables that need them all. */
void html_put_parts(const struct html *page);
void html_put_parts_detail(const struct html *page);

/* Sections, in the order of the page but for counts: they come first when the server was emulated.
 */
void html_put_words(const struct html *page);
void html_put_overview(const struct html *page);
void html_put_counts(const struct html *page);
void html_put_metrics(const struct html *page);
void html_put_causes(const struct html *page);
void html_put_shop(const struct html *page);
void html_put_designs(const struct html *page);
void html_put_boots(const struct html *page);
void html_put_problems(const struct html *page);
void html_put_figures(const struct html *page);
void html_put_provenance(const struct html *page);
void html_put_guide(const struct html *page);
void html_put_end(const struct html *page);
