/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hdr: a histogram of 64-bit values at a fixed relative resolution, over the whole range, with
 * recording in a few nanoseconds and no allocation: the bucket layout of HdrHistogram (Gil Tene,
 * public domain), so that its logs and viewers can be used (hdrlog.h).
 *
 * Values below 2^b units, with b = ceil(log2(2 * 10^digits)), have a bucket each; beyond, each
 * further power of two has 2^(b-1) equal ones. A value is therefore known to 1 part in 10^digits.
 * Single writer: one histogram per thread, added up after join. Memory is 8 bytes a bucket (3
 * digits: 450 KiB) and is touched only where values fall.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define HDR_DIGITS_MAX 5

struct hdr_options {
    unsigned digits; /* significant decimal digits, 1..5; 0: 3 */
    uint64_t unit;   /* differences below it do not matter (rounded down to 2^k); 0: 1 */
};

/* Open, so that recording is inlined; to be read through the functions below. */
struct hdr {
    uint64_t *counts;
    size_t size; /* elements of counts */
    unsigned digits;
    unsigned unit_bits;   /* unit = 2^unit_bits */
    unsigned bucket_bits; /* b */
    uint64_t count;       /* values recorded */
    uint64_t min;         /* as recorded, not rounded; UINT64_MAX while empty */
    uint64_t max;         /* as recorded; 0 while empty */
};

/* -EINVAL: digits over 5, or a unit so large that no buckets are left above it. options NULL: 3
 * digits, unit 1. */
int hdr_init(struct hdr *hdr, const struct hdr_options *options)
    __attribute__((warn_unused_result));
/* Forgets the values. */
void hdr_reset(struct hdr *hdr);

static inline size_t hdr_index(const struct hdr *hdr, uint64_t value)
{
    unsigned small_bits = hdr->unit_bits + hdr->bucket_bits;
    uint64_t floor = (UINT64_C(1) << small_bits) - 1;
    unsigned shift = 64 - (unsigned)__builtin_clzll(value | floor) - small_bits;
    return ((size_t)shift << (hdr->bucket_bits - 1)) + (size_t)(value >> (shift + hdr->unit_bits));
}

static inline void hdr_record_n(struct hdr *hdr, uint64_t value, uint64_t n)
{
    if (n == 0)
        return;
    hdr->counts[hdr_index(hdr, value)] += n;
    hdr->count += n;
    if (value < hdr->min)
        hdr->min = value;
    if (value > hdr->max)
        hdr->max = value;
}

static inline void hdr_record(struct hdr *hdr, uint64_t value)
{
    hdr_record_n(hdr, value, 1);
}

/* Adds all values of `from`. -EINVAL: other digits or unit. */
int hdr_add(struct hdr *to, const struct hdr *from) __attribute__((warn_unused_result));

/* For decoders that filled counts and count themselves: sets min and max from the first and last
 * element in use. */
void hdr_set_range(struct hdr *hdr, size_t first, size_t last);

/* One bucket that has values. */
struct hdr_bucket {
    size_t next; /* where to go on; 0 to start */
    uint64_t lowest;
    uint64_t highest; /* inclusive */
    uint64_t count;
    uint64_t count_to; /* values in this bucket and all below */
};
/* Goes to the next bucket with values, ascending; false at the end. Start with a zeroed struct. */
bool hdr_next(const struct hdr *hdr, struct hdr_bucket *bucket);

/* The smallest recorded value such that at least a share q of all values (at least one) is not
 * above it, rounded up to the end of its bucket but not beyond the largest value. q in [0, 1], as
 * 0.999; 0 for an empty histogram. */
uint64_t hdr_quantile(const struct hdr *hdr, double q);

/* How many values lie in buckets that begin at or below `value`. */
uint64_t hdr_count_to(const struct hdr *hdr, uint64_t value);

/* Mean and population standard deviation, from the middles of the buckets: what a histogram that
 * was written to a log and read back gives too. NaN while empty. */
double hdr_mean(const struct hdr *hdr);
double hdr_sd(const struct hdr *hdr);

void hdr_done(struct hdr *hdr);
#define CLEANUP_HDR CLEANUP(hdr_done)
