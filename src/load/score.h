/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * score: what was counted of the shop's pages in one window of time. Pure; one writer each, added
 * up after the threads have ended.
 */
#pragma once

#include <stdint.h>

#include "load/failure.h"
#include "shop/model.h"
#include "stats/hdr.h"

struct score_page {
    uint64_t views;     /* complete or failed */
    uint64_t good;      /* complete within the good time */
    uint64_t tolerable; /* ... within the tolerable one: the good ones are among them */
    uint64_t failed;
    struct hdr times; /* of complete ones, from the planned start, ns */
};

struct score {
    struct score_page pages[SHOP_PAGES];
    struct hdr raw;     /* of complete pages, from the actual start */
    struct hdr planned; /* ... from the planned start */
    struct hdr lag;     /* actual start - planned start */
    uint64_t requests;  /* documents and images, answered or failed */
    uint64_t tls_requests;
    uint64_t not_modified; /* answered 304 */
    uint64_t abandoned;    /* under way when another file of the page failed; not in requests */
    uint64_t retried;      /* sent again because a kept connection had ended */
    uint64_t bytes;        /* of bodies */
    struct load_failures failures; /* of requests */
    uint64_t sessions_ended;       /* that came to exit */
    uint64_t sessions_broken;      /* that ended because a page failed */
};

void score_init(struct score *score);
void score_done(struct score *score);
void score_add(struct score *to, const struct score *from);

/* One page of all: their sums. No histogram. */
struct score_page score_total(const struct score *score);

struct score_view {
    enum shop_page page;
    bool failed;
    uint64_t planned_ns;
    uint64_t start_ns;
    uint64_t end_ns;
};

struct score_limits {
    uint64_t good_ns;
    uint64_t tolerable_ns;
};

void score_record_view(struct score *score, const struct score_view *view,
                       const struct score_limits *limits);
