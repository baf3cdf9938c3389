/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/intervals.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "load/latency.h"
#include "stats/hdrlog.h"

static const char *const tags[INTERVAL_KINDS] = {"raw", "planned", "lag"};

struct intervals *intervals_new(unsigned count)
{
    struct intervals *intervals = mem_array(count, sizeof(*intervals));
    for (unsigned i = 0; i < count; i++) {
        for (int kind = 0; kind < INTERVAL_KINDS; kind++) {
            int rc = hdr_series_init(&intervals[i].series[kind], NULL);
            assert(rc == 0);
            (void)rc;
        }
    }
    return intervals;
}

struct intervals *intervals_free(struct intervals *intervals, unsigned count)
{
    for (unsigned i = 0; intervals && i < count; i++)
        for (int kind = 0; kind < INTERVAL_KINDS; kind++)
            hdr_series_done(&intervals[i].series[kind]);
    free(intervals);
    return NULL;
}

void intervals_pack(struct intervals *intervals, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (int kind = 0; kind < INTERVAL_KINDS; kind++)
            hdr_series_pack(&intervals[i].series[kind]);
}

/* The least key of all threads and kinds that is not below `from`. */
static bool find_key(const struct intervals *intervals, unsigned count, uint64_t from,
                     uint64_t *out_key)
{
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        for (int kind = 0; kind < INTERVAL_KINDS; kind++) {
            uint64_t key;
            if (!hdr_series_find(&intervals[i].series[kind], from, &key) ||
                (found && key >= *out_key))
                continue;
            *out_key = key;
            found = true;
        }
    }
    return found;
}

static int format_one(const struct intervals *intervals, unsigned count, uint64_t key,
                      enum interval_kind kind, const struct intervals_range *range,
                      struct strbuf *buf)
{
    struct hdrlog_interval interval;
    double second = (double)(uint32_t)key;
    double left_s = (double)range->duration_ns / 1e9 - second;
    interval.start_s = range->start_s + second;
    interval.length_s = left_s > 0 && left_s < 1 ? left_s : 1;
    snprintf(interval.tag, sizeof(interval.tag), "%s", tags[kind]);
    latency_hdr_init(&interval.hdr);
    for (unsigned i = 0; i < count; i++)
        hdr_series_add(&intervals[i].series[kind], key, &interval.hdr);
    int rc = interval.hdr.count ? hdrlog_format_interval(buf, range->start_s, &interval) : 0;
    hdr_done(&interval.hdr);
    return rc;
}

int intervals_format(const struct intervals *intervals, unsigned count,
                     const struct intervals_range *range, struct strbuf *buf)
{
    uint64_t key = (uint64_t)range->from_part << 32;
    int rc = 0;
    for (; rc == 0 && find_key(intervals, count, key, &key) && key >> 32 <= range->to_part; key++)
        for (int kind = 0; kind < INTERVAL_KINDS && rc == 0; kind++)
            rc = format_one(intervals, count, key, (enum interval_kind)kind, range, buf);
    return rc;
}
