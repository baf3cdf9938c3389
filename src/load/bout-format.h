/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bout-format: bouts and capacities for people, for programs and for HdrHistogram's viewers.
 * Pure.
 */
#pragma once

#include "base/error.h"
#include "base/strbuf.h"
#include "load/capacity.h"

/* An object without a line end: verdict, shares with bounds, pages, latencies, errors by kind, and
 * a row for each second. */
void bout_format_json(const struct bout_options *options, const struct bout *bout,
                      struct strbuf *buf);
/* A table of at most 80 columns. */
void bout_format_text(const struct bout_options *options, const struct bout *bout,
                      struct strbuf *buf);
/* One line. */
void bout_format_line(const struct bout *bout, struct strbuf *buf);

void capacity_format_json(const struct capacity_options *options, const struct capacity *capacity,
                          struct strbuf *buf);
void capacity_format_text(const struct capacity_options *options, const struct capacity *capacity,
                          struct strbuf *buf);

/* The steps of a search as a table; docs/shop.md says what is in the columns. */
void capacity_format_steps(const struct capacity *capacity, struct strbuf *buf);
/* Throughput and errors over time, the same. */
void bout_format_seconds(const struct bout *bout, struct strbuf *buf);

/* A log of the iterations that count: for each second the tags raw, planned and lag (of a crowd
 * that kept its seconds), and an interval for each page, tagged with its name. -ERANGE for counts
 * that the format cannot hold. */
int bout_format_hdrlog(const struct bout *bout, struct strbuf *buf)
    __attribute__((warn_unused_result));
/* The same of any score, e.g. one shop's, with one interval for each tag. start_s: since the epoch.
 */
int bout_format_score_hdrlog(const struct score *score, double start_s, double length_s,
                             struct strbuf *buf) __attribute__((warn_unused_result));
