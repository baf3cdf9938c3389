/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/latency.h"

#include <assert.h>

struct latency latency_of(const struct hdr *hdr)
{
    if (hdr->count == 0)
        return (struct latency){0};
    return (struct latency){
        .count = hdr->count,
        .min_ns = hdr->min,
        .mean_ns = (uint64_t)hdr_mean(hdr),
        .p50_ns = hdr_quantile(hdr, 0.5),
        .p90_ns = hdr_quantile(hdr, 0.9),
        .p99_ns = hdr_quantile(hdr, 0.99),
        .p999_ns = hdr_quantile(hdr, 0.999),
        .max_ns = hdr->max,
    };
}

void latency_hdr_init(struct hdr *hdr)
{
    int rc = hdr_init(hdr, NULL);
    assert(rc == 0);
    (void)rc;
}

void latency_hdr_add(struct hdr *to, const struct hdr *from)
{
    int rc = hdr_add(to, from);
    assert(rc == 0);
    (void)rc;
}
