/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * raw-format: the result of raw mode for people, for programs and for HdrHistogram's viewers. Pure.
 */
#pragma once

#include "base/strbuf.h"
#include "load/raw.h"

/* One line of JSON; docs: requests, errors by kind, requests_per_second, bytes, duration_ns,
 * latency_raw_ns and latency_planned_ns {min, mean, p50, p90, p99, p999, max}, and what was asked
 * for. */
void raw_format_json(const struct raw_options *options, const struct raw_result *result,
                     struct strbuf *buf);
/* A table of at most 80 columns. */
void raw_format_text(const struct raw_options *options, const struct raw_result *result,
                     struct strbuf *buf);
/* An interval log with the tags raw and planned. start_s: since the epoch. -ERANGE for counts that
 * the format cannot hold. */
int raw_format_hdrlog(const struct raw_result *result, double start_s, struct strbuf *buf)
    __attribute__((warn_unused_result));
