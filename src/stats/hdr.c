/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/hdr.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_DEFAULT 3

/* ceil(log2(2 * 10^digits)) */
static const unsigned bucket_bits_of[HDR_DIGITS_MAX + 1] = {0, 5, 8, 11, 15, 18};

int hdr_init(struct hdr *hdr, const struct hdr_options *options)
{
    unsigned digits = options && options->digits ? options->digits : DIGITS_DEFAULT;
    uint64_t unit = options && options->unit ? options->unit : 1;
    if (digits > HDR_DIGITS_MAX)
        return -EINVAL;
    unsigned bucket_bits = bucket_bits_of[digits];
    unsigned unit_bits = 63 - (unsigned)__builtin_clzll(unit);
    if (unit_bits + bucket_bits > 62)
        return -EINVAL;
    size_t halves = 64 - unit_bits - bucket_bits + 2;
    size_t size = halves << (bucket_bits - 1);
    *hdr = (struct hdr){.counts = mem_array(size, sizeof(*hdr->counts)),
                        .size = size,
                        .digits = digits,
                        .unit_bits = unit_bits,
                        .bucket_bits = bucket_bits,
                        .min = UINT64_MAX};
    return 0;
}

/* Elements up to the last one in use: what lies beyond was never touched, and stays so. */
static size_t used_size(const struct hdr *hdr)
{
    return hdr->count ? hdr_index(hdr, hdr->max) + 1 : 0;
}

void hdr_reset(struct hdr *hdr)
{
    size_t first = hdr->count ? hdr_index(hdr, hdr->min) : 0;
    memset(hdr->counts + first, 0, (used_size(hdr) - first) * sizeof(*hdr->counts));
    hdr->count = 0;
    hdr->min = UINT64_MAX;
    hdr->max = 0;
}

int hdr_add(struct hdr *to, const struct hdr *from)
{
    if (to->digits != from->digits || to->unit_bits != from->unit_bits)
        return -EINVAL;
    size_t used = used_size(from);
    for (size_t i = from->count ? hdr_index(from, from->min) : 0; i < used; i++)
        to->counts[i] += from->counts[i];
    to->count += from->count;
    to->min = from->min < to->min ? from->min : to->min;
    to->max = from->max > to->max ? from->max : to->max;
    return 0;
}

/* How far the values of the bucket are shifted beyond the unit. */
static unsigned shift_of(const struct hdr *hdr, size_t index)
{
    size_t halves = index >> (hdr->bucket_bits - 1);
    return halves > 1 ? (unsigned)halves - 1 : 0;
}

static uint64_t lowest_of(const struct hdr *hdr, size_t index)
{
    unsigned shift = shift_of(hdr, index);
    uint64_t sub = index - ((uint64_t)shift << (hdr->bucket_bits - 1));
    return sub << (shift + hdr->unit_bits);
}

static uint64_t width_of(const struct hdr *hdr, size_t index)
{
    return UINT64_C(1) << (shift_of(hdr, index) + hdr->unit_bits);
}

void hdr_set_range(struct hdr *hdr, size_t first, size_t last)
{
    if (hdr->count == 0)
        return;
    hdr->min = lowest_of(hdr, first);
    hdr->max = lowest_of(hdr, last) + (width_of(hdr, last) - 1);
}

bool hdr_next(const struct hdr *hdr, struct hdr_bucket *bucket)
{
    if (bucket->next == 0 && hdr->count)
        bucket->next = hdr_index(hdr, hdr->min);
    for (size_t used = used_size(hdr); bucket->next < used; bucket->next++) {
        size_t i = bucket->next;
        if (hdr->counts[i] == 0)
            continue;
        bucket->lowest = lowest_of(hdr, i);
        bucket->highest = bucket->lowest + (width_of(hdr, i) - 1);
        bucket->count = hdr->counts[i];
        bucket->count_to += bucket->count;
        bucket->next++;
        return true;
    }
    return false;
}

/* The rank, from 1, of the q-quantile. The product may lie a rounding error above a whole number:
 * 0.999 of 1000 values is rank 999. */
static uint64_t rank_of(uint64_t count, double q)
{
    double rank = ceil(q * (double)count * (1 - 0x1p-51));
    if (!(rank > 1))
        return 1;
    return rank >= (double)count ? count : (uint64_t)rank;
}

uint64_t hdr_quantile(const struct hdr *hdr, double q)
{
    uint64_t rank = rank_of(hdr->count, q);
    struct hdr_bucket bucket = {0};
    while (hdr_next(hdr, &bucket))
        if (bucket.count_to >= rank)
            return bucket.highest < hdr->max ? bucket.highest : hdr->max;
    return hdr->max;
}

uint64_t hdr_count_to(const struct hdr *hdr, uint64_t value)
{
    struct hdr_bucket bucket = {0};
    uint64_t count = 0;
    while (hdr_next(hdr, &bucket) && bucket.lowest <= value)
        count = bucket.count_to;
    return count;
}

static double middle_of(const struct hdr_bucket *bucket)
{
    return (double)(bucket->lowest + (bucket->highest - bucket->lowest + 1) / 2);
}

double hdr_mean(const struct hdr *hdr)
{
    long double sum = 0;
    struct hdr_bucket bucket = {0};
    while (hdr_next(hdr, &bucket))
        sum += (long double)bucket.count * middle_of(&bucket);
    return hdr->count ? (double)(sum / hdr->count) : NAN;
}

double hdr_sd(const struct hdr *hdr)
{
    double mean = hdr_mean(hdr);
    long double sum = 0;
    struct hdr_bucket bucket = {0};
    while (hdr_next(hdr, &bucket)) {
        long double off = middle_of(&bucket) - mean;
        sum += bucket.count * off * off;
    }
    return hdr->count ? sqrt((double)(sum / hdr->count)) : NAN;
}

void hdr_done(struct hdr *hdr)
{
    free(hdr->counts);
    *hdr = (struct hdr){0};
}
