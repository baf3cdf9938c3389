/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shop: what the trials of workload `shop` keep besides their number of sessions: page times,
 * throughput over time, the steps of the search, and why each run ended. docs/shop.md has the
 * names.
 */
#pragma once

#include "report/report.h"
#include "stats/hdrlog.h"
#include "stats/series.h"

#define SHOP_TAGS_MAX 64 /* kinds of page times of a cell; a damaged store may say anything */

/* Page times with one tag, of all good trials of a cell together, in nanoseconds. */
struct shop_times {
    char tag[HDRLOG_TAG_MAX];
    struct hdr hdr;
};

struct shop_cell {
    const struct store_cell *cell;
    size_t trials;            /* good ones whose page times are here */
    struct shop_times *times; /* in the order of the first log: raw, planned, lag, then the pages */
    size_t times_count;
    const struct store_trial *shown; /* of the good trials that with the median number of sessions:
                                        the tables below are its; NULL: none */
    struct series seconds;           /* without rows: none */
    struct series search;
    double busy, steal, vcpu_wait; /* means over machines and seconds; NaN: not known */
};

/* How one trial ended. Texts are borrowed, NULL: it does not say. */
struct shop_run {
    const struct store_trial *trial;
    const struct store_cell *cell;
    double sessions; /* of each machine; NaN: none */
    const char *verdict, *ended, *limit, *beyond, *setting;
};

struct report_shop {
    double good_s, tolerable_s; /* what pages are held to; NaN: trials differ */
    struct shop_cell *cells;
    size_t cell_count;
    struct shop_run *runs;
    size_t run_count;
    size_t damaged; /* attachments that could not be read */
    char *damage;   /* of the first of them: what was wrong; NULL: none */
};

/* Reads what there is. What is damaged is counted and left out. The shop is freed with
 * shop_free(); NULL: the campaign has no such workload, or nothing of it. */
struct report_shop *shop_read(const struct report *report, struct store *store);
struct report_shop *shop_free(struct report_shop *shop);

/* NULL: there is none with this tag. */
const struct hdr *shop_find_times(const struct shop_cell *cell, const char *tag);
/* Are these the times of one page, and not of all? */
bool shop_is_page(const struct shop_times *times);
/* Of complete pages those that took at most `limit_s`, 0..1; NaN: there are none. */
double shop_share_within(const struct hdr *hdr, double limit_s);
/* hdr_quantile() in seconds; NaN where nothing was recorded. */
double shop_quantile_s(const struct hdr *hdr, double q);
