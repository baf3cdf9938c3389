/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * intervals: the latencies of each second of a run, for a log. One struct for each thread; what
 * they hold is added up when it is written.
 */
#pragma once

#include "base/clock.h"
#include "base/strbuf.h"
#include "stats/hdrseries.h"

enum interval_kind { INTERVAL_RAW, INTERVAL_PLANNED, INTERVAL_LAG, INTERVAL_KINDS };

struct intervals {
    struct hdr_series series[INTERVAL_KINDS];
};

/* An array of so many, one for each thread. */
struct intervals *intervals_new(unsigned count);
struct intervals *intervals_free(struct intervals *intervals, unsigned count);

/* part: of the run, e.g. an iteration. elapsed_ns: since the start of the run, when the latency was
 * known. The latency is one of that second. */
static inline void intervals_record(struct intervals *intervals, enum interval_kind kind,
                                    uint32_t part, uint64_t elapsed_ns, uint64_t latency_ns)
{
    uint64_t key = (uint64_t)part << 32 | (uint32_t)(elapsed_ns / NS_PER_S);
    hdr_series_record(&intervals->series[kind], key, latency_ns);
}

/* After the last record and before intervals_format(). */
void intervals_pack(struct intervals *intervals, unsigned count);

struct intervals_range {
    uint32_t from_part; /* both inclusive */
    uint32_t to_part;
    double start_s;       /* of the run, since the epoch; the log's header has it too */
    uint64_t duration_ns; /* of the run: the last second may be a short one */
};

/* Appends a line for each second and kind that has values, in the order of time, with the tags raw,
 * planned and lag. -ERANGE as hdrlog_format_interval(). */
int intervals_format(const struct intervals *intervals, unsigned count,
                     const struct intervals_range *range, struct strbuf *buf)
    __attribute__((warn_unused_result));
