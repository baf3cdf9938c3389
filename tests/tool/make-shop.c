/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "make-shop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "stats/hdrlog.h"
#include "stats/series.h"
#include "store/kept.h"

#define VIEWS 300 /* of each page */
#define RAMP_S 10
#define LENGTH_S 60

static const struct {
    const char *name;
    double median_s; /* on native Linux */
} pages[] = {
    {"index", 0.31},   {"search", 0.52},     {"browse", 0.38},     {"productline", 0.44},
    {"detail", 0.17},  {"customize1", 0.41}, {"customize2", 0.42}, {"customize3", 0.43},
    {"cart", 0.61},    {"login", 0.35},      {"shipping", 0.2},    {"billing", 0.24},
    {"confirm", 0.22},
};

static void attach(struct store_trial *trial, int machine, const char *name, const char *encoding,
                   struct strbuf *text)
{
    trial->attachments = mem_resize_array(trial->attachments, trial->attachment_count + 1,
                                          sizeof(*trial->attachments));
    size_t length = text->length;
    trial->attachments[trial->attachment_count++] = (struct store_attachment){
        .machine = machine,
        .name = mem_strdup(name),
        .encoding = mem_strdup(encoding),
        .bytes = strbuf_take(text),
        .length = length,
    };
}

static void add_interval(struct strbuf *log, const char *tag, const struct hdr *hdr)
{
    struct hdrlog_interval interval = {.start_s = 0, .length_s = LENGTH_S, .hdr = *hdr};
    snprintf(interval.tag, sizeof(interval.tag), "%s", tag);
    if (hdrlog_format_interval(log, 0, &interval) < 0)
        abort();
}

static void start_histogram(struct hdr *hdr)
{
    if (hdr_init(hdr, NULL) < 0)
        abort();
}

/* One page in fifty waits for its turn before it is asked for: only the planned start shows that.
 */
static void draw_page(const struct shop_trial *shop, struct rng *rng, double median_s,
                      struct hdr *raw, struct hdr *planned, struct hdr *lag, struct hdr *own)
{
    for (int i = 0; i < VIEWS; i++) {
        double seconds = median_s / shop->speed * exp(0.5 * rng_normal(rng));
        double wait = rng_uniform(rng) < 0.02 ? 3 * rng_uniform(rng) : 1e-4;
        hdr_record(raw, (uint64_t)(seconds * 1e9));
        hdr_record(planned, (uint64_t)((seconds + wait) * 1e9));
        hdr_record(lag, (uint64_t)(wait * 1e9));
        hdr_record(own, (uint64_t)((seconds + wait) * 1e9));
    }
}

static void attach_latency(const struct shop_trial *shop, struct rng *rng,
                           struct store_trial *trial)
{
    CLEANUP_HDR struct hdr raw = {0}, planned = {0}, lag = {0};
    CLEANUP_STRBUF struct strbuf log, of_pages;
    strbuf_init(&log);
    strbuf_init(&of_pages);
    start_histogram(&raw);
    start_histogram(&planned);
    start_histogram(&lag);
    hdrlog_format_header(&log, 0, "made up");
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        CLEANUP_HDR struct hdr own = {0};
        start_histogram(&own);
        draw_page(shop, rng, pages[i].median_s, &raw, &planned, &lag, &own);
        add_interval(&of_pages, pages[i].name, &own);
    }
    add_interval(&log, "raw", &raw);
    add_interval(&log, "planned", &planned);
    add_interval(&log, "lag", &lag);
    strbuf_adds(&log, of_pages.text);
    if (shop->damaged)
        strbuf_truncate(&log, log.length / 2);
    attach(trial, -1, KEPT_SHOP_LATENCY, KEPT_HISTOGRAMS, &log);
}

static void attach_series(struct store_trial *trial, int machine, const char *name,
                          struct series *series, bool damaged)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    series_format(series, &text);
    if (damaged)
        strbuf_adds(&text, "1,2,<script>\n");
    attach(trial, machine, name, KEPT_SERIES, &text);
    series_done(series);
}

static void attach_seconds(const struct shop_trial *shop, struct rng *rng,
                           struct store_trial *trial)
{
    static const char *const names[] = {"second",   "sessions", "pages", "failed_pages",
                                        "requests", "bytes",    NULL};
    struct series series;
    series_init(&series, names);
    double all = shop->sessions * (double)trial->machine_count;
    for (int i = 0; i < RAMP_S + LENGTH_S; i++) {
        double sessions = i < RAMP_S ? floor(all * (i + 1) / RAMP_S) : all;
        double seen = floor(sessions * 0.1 * exp(0.05 * rng_normal(rng)));
        series_add(&series, (const double[]){i, sessions, seen, rng_uniform(rng) < 0.1 ? 1 : 0,
                                             seen * 16, seen * 130000});
    }
    attach_series(trial, -1, KEPT_SHOP_SECONDS, &series, shop->damaged);
}

static void attach_search(const struct shop_trial *shop, struct store_trial *trial)
{
    static const char *const names[] = {"sessions", "outcome",     "good",     "tolerable",
                                        "failed",   "pages_per_s", "p50_s",    "p90_s",
                                        "p99_s",    "start_s",     "length_s", NULL};
    static const double tried[] = {0.5, 1, 2, 1.5, 1.25, 1.1, 1, 1.1};
    struct series series;
    series_init(&series, names);
    double all = shop->sessions * (double)trial->machine_count;
    for (size_t i = 0; i < COUNT_OF(tried); i++) {
        double good = 1 / (1 + 0.04 * pow(tried[i], 8));
        series_add(&series,
                   (const double[]){floor(all * tried[i]), good >= 0.95, good, (1 + good) / 2, 0,
                                    all * tried[i] * 0.1, 0.4, 1.2, 2.9 * tried[i], NAN, NAN});
    }
    attach_series(trial, -1, KEPT_SHOP_SEARCH, &series, false);
}

static void attach_machine(struct rng *rng, struct store_trial *trial, int machine)
{
    static const char *const names[] = {"second",    "busy",     "system",    "steal", "runnable",
                                        "load_1min", "vcpu_run", "vcpu_wait", NULL};
    struct series series;
    series_init(&series, names);
    for (int i = 0; i < RAMP_S + LENGTH_S; i++)
        series_add(&series, (const double[]){i, 0.8 + 0.1 * rng_uniform(rng), 0.3, 0.05, 3, 2,
                                             machine ? 0.9 : NAN, machine ? 0.1 : NAN});
    attach_series(trial, machine, KEPT_MACHINE_SECONDS, &series, false);
}

static void add_fact(struct store_trial *trial, const char *name, char *value)
{
    trial->facts = mem_resize_array(trial->facts, trial->fact_count + 1, sizeof(*trial->facts));
    trial->facts[trial->fact_count++] = (struct store_fact){mem_strdup(name), value};
}

void make_shop(const struct shop_trial *shop, struct rng *rng, struct store_trial *trial)
{
    attach_latency(shop, rng, trial);
    attach_seconds(shop, rng, trial);
    attach_search(shop, trial);
    for (size_t i = 0; i < trial->machine_count; i++)
        attach_machine(rng, trial, (int)i);
    add_fact(trial, "shop.verdict", mem_strdup("passed"));
    add_fact(trial, "shop.ended",
             mem_printf("%.0f sessions passed twice, %.0f were refused twice", shop->sessions,
                        shop->sessions * 1.1));
    add_fact(trial, "shop.limit", mem_strdup("CPU of the machine"));
    add_fact(trial, "shop.beyond", mem_strdup("91.20 % of pages within 3 s, 95 % are asked for"));
    add_fact(trial, "shop.setting", mem_strdup("profile quick, think time 1s (rated: 10s)"));
    add_fact(trial, "shop.good-ns", mem_strdup("3000000000"));
    add_fact(trial, "shop.tolerable-ns", mem_strdup("5000000000"));
}
