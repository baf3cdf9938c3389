/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/score.h"

#include "load/latency.h"

void score_init(struct score *score)
{
    *score = (struct score){0};
    for (int i = 0; i < SHOP_PAGES; i++)
        latency_hdr_init(&score->pages[i].times);
    latency_hdr_init(&score->raw);
    latency_hdr_init(&score->planned);
    latency_hdr_init(&score->lag);
}

void score_done(struct score *score)
{
    for (int i = 0; i < SHOP_PAGES; i++)
        hdr_done(&score->pages[i].times);
    hdr_done(&score->raw);
    hdr_done(&score->planned);
    hdr_done(&score->lag);
}

static void add_page(struct score_page *to, const struct score_page *from)
{
    to->views += from->views;
    to->good += from->good;
    to->tolerable += from->tolerable;
    to->failed += from->failed;
}

void score_add(struct score *to, const struct score *from)
{
    for (int i = 0; i < SHOP_PAGES; i++) {
        add_page(&to->pages[i], &from->pages[i]);
        latency_hdr_add(&to->pages[i].times, &from->pages[i].times);
    }
    latency_hdr_add(&to->raw, &from->raw);
    latency_hdr_add(&to->planned, &from->planned);
    latency_hdr_add(&to->lag, &from->lag);
    to->requests += from->requests;
    to->tls_requests += from->tls_requests;
    to->not_modified += from->not_modified;
    to->abandoned += from->abandoned;
    to->retried += from->retried;
    to->bytes += from->bytes;
    load_failures_merge(&to->failures, &from->failures);
    to->sessions_ended += from->sessions_ended;
    to->sessions_broken += from->sessions_broken;
}

struct score_page score_total(const struct score *score)
{
    struct score_page total = {0};
    for (int i = 0; i < SHOP_PAGES; i++)
        add_page(&total, &score->pages[i]);
    return total;
}

void score_record_view(struct score *score, const struct score_view *view,
                       const struct score_limits *limits)
{
    struct score_page *page = &score->pages[view->page];
    page->views++;
    hdr_record(&score->lag, view->start_ns - view->planned_ns);
    if (view->failed) {
        page->failed++;
        return;
    }
    uint64_t time_ns = view->end_ns - view->planned_ns;
    page->good += time_ns <= limits->good_ns;
    page->tolerable += time_ns <= limits->tolerable_ns;
    hdr_record(&page->times, time_ns);
    hdr_record(&score->planned, time_ns);
    hdr_record(&score->raw, view->end_ns - view->start_ns);
}
