/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * latency: what is shown of a histogram of nanoseconds.
 */
#pragma once

#include <stdint.h>

#include "stats/hdr.h"

/* All 0 where nothing was recorded. */
struct latency {
    uint64_t count;
    uint64_t min_ns;
    uint64_t mean_ns;
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t max_ns;
};

struct latency latency_of(const struct hdr *hdr);

/* A histogram of the one layout that all of this folder use. */
void latency_hdr_init(struct hdr *hdr);
void latency_hdr_add(struct hdr *to, const struct hdr *from);
