/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * html: what html.c and html-end.c share. html_put() and html_putf() escape; html_raw() is for our
 * own markup only.
 */
#pragma once

#include "report/chart.h"
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

/* What follows the charts. */
void html_put_problems(const struct html *page);
void html_put_figures(const struct html *page);
void html_put_provenance(const struct html *page);
void html_put_guide(const struct html *page);
void html_put_end(const struct html *page);
