/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hdrseries: one histogram for each stretch of time, e.g. for each second of an hour. Only the one
 * under way is a histogram; those before are kept as their buckets that have values, so that a
 * stretch takes some KiB and not the 450 of its layout. Single writer; the series of several
 * threads are added up after join.
 */
#pragma once

#include "stats/hdr.h"

struct hdr_series_cell {
    uint32_t index; /* of the bucket */
    uint32_t count;
};

/* A key may have several: whoever reads adds them up. */
struct hdr_series_part {
    uint64_t key;
    uint64_t min;
    uint64_t max;
    size_t first_cell;
    size_t cell_count;
};

/* Open, so that recording is inlined. */
struct hdr_series {
    struct hdr now;
    uint64_t key; /* of `now` */
    struct hdr_series_part *parts;
    size_t part_count;
    size_t part_capacity;
    struct hdr_series_cell *cells;
    size_t cell_count;
    size_t cell_capacity;
};

/* As hdr_init(). */
int hdr_series_init(struct hdr_series *series, const struct hdr_options *options)
    __attribute__((warn_unused_result));
void hdr_series_done(struct hdr_series *series);

/* Puts what was recorded under the present key away. Call it before reading. */
void hdr_series_pack(struct hdr_series *series);

/* key: what the value belongs to, usually the same as that of the value before. Allocates when the
 * key changes, and only then. */
static inline void hdr_series_record(struct hdr_series *series, uint64_t key, uint64_t value)
{
    if (key != series->key && series->now.count > 0)
        hdr_series_pack(series);
    series->key = key;
    hdr_record(&series->now, value);
}

/* The least key that is not below `from`. false: there is none. */
bool hdr_series_find(const struct hdr_series *series, uint64_t from, uint64_t *out_key);
/* Adds all values of the key to a histogram of the same layout. */
void hdr_series_add(const struct hdr_series *series, uint64_t key, struct hdr *to);
