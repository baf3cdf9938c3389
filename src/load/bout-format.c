/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/bout-format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"
#include "load/json.h"
#include "load/latency.h"
#include "stats/hdrlog.h"
#include "stats/series.h"

/* JSON. */

static void add_share(struct strbuf *buf, const char *name, const struct interval *share)
{
    strbuf_addf(buf, ",\"%s\":", name);
    if (share->state == INTERVAL_OK)
        strbuf_addf(buf, "{\"value\":%.6f,\"ci95\":[%.6f,%.6f]}", share->estimate, share->lo,
                    share->hi);
    else
        strbuf_adds(buf, "null");
}

static void add_known(struct strbuf *buf, const char *name, double value)
{
    if (isnan(value))
        strbuf_addf(buf, ",\"%s\":null", name);
    else
        strbuf_addf(buf, ",\"%s\":%.6f", name, value);
}

static void add_verdict(struct strbuf *buf, const struct bout_options *options,
                        const struct verdict *verdict)
{
    char reason[VERDICT_REASON_BYTES];
    strbuf_addf(buf, "\"verdict\":\"%s\",\"reason\":\"", verdict_text(verdict));
    json_add_escaped(buf, verdict_reason(verdict, &options->verdict, reason));
    strbuf_adds(buf, "\",\"flaws\":[");
    const char *separator = "";
    for (unsigned i = 0; i < VERDICT_FLAWS; i++) {
        if (!(verdict->flaws & 1u << i))
            continue;
        strbuf_addf(buf, "%s\"%s\"", separator, verdict_flaw_name((enum verdict_flaw)(1u << i)));
        separator = ",";
    }
    strbuf_adds(buf, "]");
    add_share(buf, "good", &verdict->all.good);
    add_share(buf, "tolerable", &verdict->all.tolerable);
    strbuf_addf(buf, ",\"failed_share\":%.6f", verdict->failed_share);
}

static void add_page(struct strbuf *buf, const struct bout *bout, enum shop_page page)
{
    const struct shop_page_info *info = shop_page_info(page);
    const struct score_page *score = &bout->score.pages[page];
    const struct verdict_page *verdict = &bout->verdict.pages[page];
    strbuf_addf(buf,
                "{\"page\":\"%s\",\"views\":%" PRIu64 ",\"failed\":%" PRIu64
                ",\"expected_share\":%.6f,\"answer\":\"%s\"",
                info->name, score->views, score->failed, info->share,
                verdict_answer_text(verdict->answer));
    add_share(buf, "good", &verdict->good);
    add_share(buf, "tolerable", &verdict->tolerable);
    strbuf_adds(buf, ",");
    json_add_latency(buf, "time_ns", &score->times);
    strbuf_adds(buf, "}");
}

static void add_pages(struct strbuf *buf, const struct bout *bout)
{
    strbuf_adds(buf, ",\"pages\":[");
    for (int i = 0; i < SHOP_PAGES; i++) {
        strbuf_adds(buf, i ? "," : "");
        add_page(buf, bout, (enum shop_page)i);
    }
    strbuf_adds(buf, "]");
}

static void add_shops(struct strbuf *buf, const struct bout_options *options,
                      const struct bout *bout)
{
    strbuf_adds(buf, ",\"shops\":[");
    for (unsigned i = 0; i < bout->crowd.shops; i++) {
        struct verdict verdict = bout_judge_shop(bout, &options->verdict, i);
        strbuf_adds(buf, i ? ",{" : "{");
        add_verdict(buf, options, &verdict);
        struct score score;
        bout_merge_shop(bout, i, &score);
        strbuf_addf(buf, ",\"views\":%" PRIu64 ",\"requests\":%" PRIu64 "}", verdict.all.views,
                    score.requests);
        score_done(&score);
    }
    strbuf_adds(buf, "]");
}

static void add_seconds(struct strbuf *buf, const struct crowd_result *crowd)
{
    strbuf_adds(buf, ",\"seconds\":{\"columns\":[\"pages\",\"failed_pages\",\"requests\","
                     "\"bytes\",\"sessions\"],\"rows\":[");
    for (uint32_t i = 0; i < crowd->second_count; i++) {
        const struct crowd_second *second = &crowd->seconds[i];
        strbuf_addf(buf, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
                    i ? "," : "", second->pages, second->failed_pages, second->requests,
                    second->bytes, second->sessions);
    }
    strbuf_adds(buf, "]}");
}

static bool uses_tls(const struct bout_options *options)
{
    return options->crowd.shops[0].secure != NULL;
}

static void add_setting(struct strbuf *buf, const struct bout_options *options)
{
    const struct crowd_options *crowd = &options->crowd;
    strbuf_addf(buf,
                ",\"threads\":%" PRIu32 ",\"arrivals_per_second\":%.17g,\"tls\":%s,"
                "\"insecure\":%s,\"validated\":%s,\"seed\":%" PRIu64 ",\"think_mean_ns\":%" PRIu64
                ",\"ramp_ns\":%" PRIu64 ",\"warm_up_ns\":%" PRIu64 ",\"iteration_ns\":%" PRIu64
                ",\"iterations\":%u,\"good_ns\":%" PRIu64 ",\"tolerable_ns\":%" PRIu64,
                crowd->threads, crowd->arrivals_hz, uses_tls(options) ? "true" : "false",
                uses_tls(options) && crowd->insecure ? "true" : "false",
                crowd->no_validation ? "false" : "true", crowd->seed, crowd->think_mean_ns,
                crowd->ramp_ns, crowd->warm_up_ns, crowd->iteration_ns, crowd->iterations,
                crowd->limits.good_ns, crowd->limits.tolerable_ns);
}

/* Of the whole run, ramp and warm-up included: what the server's log has. */
static void add_total(struct strbuf *buf, const struct crowd_result *crowd)
{
    uint64_t requests = 0, tls_requests = 0, not_modified = 0, bytes = 0;
    for (unsigned i = 0; crowd->scores && i < crowd->shops * (crowd->iterations + 1); i++) {
        requests += crowd->scores[i].requests;
        tls_requests += crowd->scores[i].tls_requests;
        not_modified += crowd->scores[i].not_modified;
        bytes += crowd->scores[i].bytes;
    }
    strbuf_addf(buf,
                ",\"total\":{\"requests\":%" PRIu64 ",\"tls_requests\":%" PRIu64
                ",\"not_modified\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"unfinished_pages\":%" PRIu64
                "}",
                requests, tls_requests, not_modified, bytes, crowd->unfinished);
}

static void add_counts(struct strbuf *buf, const struct bout *bout)
{
    const struct score *score = &bout->score;
    strbuf_addf(buf,
                ",\"requests\":%" PRIu64 ",\"tls_requests\":%" PRIu64 ",\"not_modified\":%" PRIu64
                ",\"retried\":%" PRIu64 ",\"abandoned\":%" PRIu64 ",\"bytes\":%" PRIu64
                ",\"sessions_ended\":%" PRIu64 ",\"sessions_broken\":%" PRIu64
                ",\"turned_away\":%" PRIu64 ",\"connects\":%" PRIu64 ",\"resumed\":%" PRIu64 ",",
                score->requests, score->tls_requests, score->not_modified, score->retried,
                score->abandoned, score->bytes, score->sessions_ended, score->sessions_broken,
                bout->crowd.turned_away, bout->crowd.connects, bout->crowd.resumed);
    json_add_failures(buf, &score->failures);
}

void bout_format_json(const struct bout_options *options, const struct bout *bout,
                      struct strbuf *buf)
{
    strbuf_addf(buf, "{\"sessions\":%" PRIu32 ",", bout->sessions);
    add_verdict(buf, options, &bout->verdict);
    strbuf_addf(buf,
                ",\"limit\":\"%s\",\"loop\":\"%s\",\"interrupted\":%s,\"duration_ns\":%" PRIu64,
                bout_limit_text(bout->limit), bout->crowd.loop,
                bout->crowd.interrupted ? "true" : "false", bout->crowd.duration_ns);
    add_known(buf, "load_busy_share", bout->load_busy_share);
    add_known(buf, "back_end_busy_share", bout->back_end_busy_share);
    strbuf_addf(buf, ",\"iterations_counted\":[%u,%u]", bout->from, bout->to);
    add_setting(buf, options);
    add_counts(buf, bout);
    add_total(buf, &bout->crowd);
    strbuf_adds(buf, ",");
    json_add_latency(buf, "latency_raw_ns", &bout->score.raw);
    strbuf_adds(buf, ",");
    json_add_latency(buf, "latency_planned_ns", &bout->score.planned);
    strbuf_adds(buf, ",");
    json_add_latency(buf, "lag_ns", &bout->score.lag);
    add_pages(buf, bout);
    add_shops(buf, options, bout);
    add_seconds(buf, &bout->crowd);
    strbuf_adds(buf, "}");
}

static void add_bout_or_null(struct strbuf *buf, const char *name,
                             const struct bout_options *options, const struct bout *bout)
{
    strbuf_addf(buf, ",\"%s\":", name);
    if (bout->sessions)
        bout_format_json(options, bout, buf);
    else
        strbuf_adds(buf, "null");
}

static const char *outcome_text(enum search_outcome outcome)
{
    static const char *const texts[] = {"passed", "failed", "invalid"};
    return texts[outcome];
}

static void add_steps(struct strbuf *buf, const struct capacity *capacity)
{
    strbuf_adds(buf, ",\"trials\":[");
    for (size_t i = 0; i < capacity->step_count; i++) {
        const struct capacity_step *step = &capacity->steps[i];
        strbuf_addf(buf, "%s{\"sessions\":%" PRIu32 ",\"outcome\":\"%s\"", i ? "," : "",
                    step->sessions, outcome_text(step->outcome));
        add_known(buf, "good", step->good);
        add_known(buf, "tolerable", step->tolerable);
        strbuf_addf(buf,
                    ",\"pages_per_second\":%.3f,\"p50_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64
                    ",\"p99_ns\":%" PRIu64 "}",
                    step->pages_per_s, step->p50_ns, step->p90_ns, step->p99_ns);
    }
    strbuf_adds(buf, "]");
}

void capacity_format_json(const struct capacity_options *options, const struct capacity *capacity,
                          struct strbuf *buf)
{
    const struct search *search = &capacity->search;
    strbuf_addf(buf,
                "{\"capacity\":%" PRIu32 ",\"method\":\"%s\",\"step\":%" PRIu32
                ",\"confirmed\":%s,\"state\":\"",
                search_capacity(search), capacity->method == CAPACITY_CLIMB ? "climb" : "bisect",
                search->options.step, search->state == SEARCH_CONFIRMED ? "true" : "false");
    json_add_escaped(buf, search_state_text(search->state));
    strbuf_adds(buf, "\"");
    add_steps(buf, capacity);
    add_bout_or_null(buf, "at", &options->bout, &capacity->at);
    add_bout_or_null(buf, "beyond", &options->bout, &capacity->beyond);
    strbuf_adds(buf, "}");
}

/* Tables. */

void capacity_format_steps(const struct capacity *capacity, struct strbuf *buf)
{
    static const char *const names[] = {"sessions", "outcome",     "good",     "tolerable",
                                        "failed",   "pages_per_s", "p50_s",    "p90_s",
                                        "p99_s",    "start_s",     "length_s", NULL};
    CLEANUP_SERIES struct series series;
    series_init(&series, names);
    bool is_climb = capacity->method == CAPACITY_CLIMB;
    for (size_t i = 0; i < capacity->step_count; i++) {
        const struct capacity_step *step = &capacity->steps[i];
        double outcome = step->outcome == SEARCH_INVALID ? -1 : step->outcome == SEARCH_PASSED;
        series_add(&series, (double[]){
                                step->sessions,
                                outcome,
                                step->good,
                                step->tolerable,
                                step->failed,
                                step->pages_per_s,
                                (double)step->p50_ns / 1e9,
                                (double)step->p90_ns / 1e9,
                                (double)step->p99_ns / 1e9,
                                is_climb ? (double)step->start_ns / 1e9 : NAN,
                                is_climb ? (double)step->length_ns / 1e9 : NAN,
                            });
    }
    series_format(&series, buf);
}

void bout_format_seconds(const struct bout *bout, struct strbuf *buf)
{
    static const char *const names[] = {"second",   "sessions", "pages", "failed_pages",
                                        "requests", "bytes",    NULL};
    CLEANUP_SERIES struct series series;
    series_init(&series, names);
    for (uint32_t i = 0; i < bout->crowd.second_count; i++) {
        const struct crowd_second *second = &bout->crowd.seconds[i];
        series_add(&series, (double[]){i, (double)second->sessions, (double)second->pages,
                                       (double)second->failed_pages, (double)second->requests,
                                       (double)second->bytes});
    }
    series_format(&series, buf);
}

/* Text. */

static void add_ms(struct strbuf *buf, uint64_t ns)
{
    strbuf_addf(buf, " %9.1f", (double)ns / 1e6);
}

static void add_times(struct strbuf *buf, const struct hdr *hdr)
{
    struct latency latency = latency_of(hdr);
    add_ms(buf, latency.mean_ns);
    add_ms(buf, latency.p50_ns);
    add_ms(buf, latency.p90_ns);
    add_ms(buf, latency.p99_ns);
    add_ms(buf, latency.max_ns);
    strbuf_adds(buf, "\n");
}

static void add_page_rows(struct strbuf *buf, const struct bout *bout)
{
    strbuf_adds(buf, "page           views  good % toler % failed  answer     ms p50     p90     "
                     "p99\n");
    for (int i = 0; i < SHOP_PAGES; i++) {
        const struct score_page *score = &bout->score.pages[i];
        const struct verdict_page *verdict = &bout->verdict.pages[i];
        struct latency times = latency_of(&score->times);
        double views = score->views ? (double)score->views : 1;
        strbuf_addf(buf, "%-12s %7" PRIu64 " %7.2f %7.2f %6" PRIu64 "  %-9s %7.0f %7.0f %7.0f\n",
                    shop_page_info((enum shop_page)i)->name, score->views,
                    100 * (double)score->good / views, 100 * (double)score->tolerable / views,
                    score->failed, verdict_answer_text(verdict->answer), (double)times.p50_ns / 1e6,
                    (double)times.p90_ns / 1e6, (double)times.p99_ns / 1e6);
    }
}

static void add_failure_line(struct strbuf *buf, const struct score *score)
{
    strbuf_addf(buf, "errors    %" PRIu64 " of %" PRIu64 " requests",
                load_failures_total(&score->failures), score->requests);
    for (unsigned i = 0; i < LOAD_FAILURES; i++)
        if (score->failures.counts[i])
            strbuf_addf(buf, ", %s %" PRIu64, load_failure_name(i), score->failures.counts[i]);
    strbuf_adds(buf, "\n");
}

static void add_sides(struct strbuf *buf, const struct bout *bout)
{
    strbuf_addf(buf, "load side %.0f %% of its threads' CPU, %s", 100 * bout->load_busy_share,
                bout->crowd.loop);
    if (!isnan(bout->back_end_busy_share))
        strbuf_addf(buf, "; back end %.0f %% busy", 100 * bout->back_end_busy_share);
    strbuf_adds(buf, "\n");
}

void bout_format_text(const struct bout_options *options, const struct bout *bout,
                      struct strbuf *buf)
{
    char elapsed[UNITS_TEXT_MAX], think[UNITS_TEXT_MAX], reason[VERDICT_REASON_BYTES];
    const struct crowd_options *crowd = &options->crowd;
    double seconds = (double)bout->window_ns / 1e9;
    strbuf_addf(buf, "%" PRIu32 " session%s in %u shop%s, %s, think time %s%s%s\n", bout->sessions,
                bout->sessions == 1 ? "" : "s", bout->crowd.shops,
                bout->crowd.shops == 1 ? "" : "s",
                units_format_elapsed(bout->crowd.duration_ns, elapsed),
                units_format_duration(crowd->think_mean_ns, think),
                crowd->think_mean_ns != 10 * NS_PER_S ? " (rated: 10s)" : "",
                bout->crowd.interrupted ? ", interrupted" : "");
    strbuf_addf(buf, "verdict   %s", verdict_text(&bout->verdict));
    verdict_reason(&bout->verdict, &options->verdict, reason);
    strbuf_addf(buf, "%s%s\n", reason[0] ? ": " : "", reason);
    const struct verdict_page *all = &bout->verdict.all;
    strbuf_addf(buf, "pages     %" PRIu64, all->views);
    if (all->views)
        strbuf_addf(buf, " (%.1f/s), %.2f %% good, %.2f %% tolerable", (double)all->views / seconds,
                    100 * all->good.estimate, 100 * all->tolerable.estimate);
    strbuf_addc(buf, '\n');
    add_failure_line(buf, &bout->score);
    if (uses_tls(options) && crowd->insecure)
        strbuf_adds(buf, "insecure  the server's certificate was not verified\n");
    if (crowd->no_validation)
        strbuf_adds(buf, "unchecked pages were taken for right without a look\n");
    if (bout->crowd.tls_reason[0])
        strbuf_addf(buf, "TLS       %s\n", bout->crowd.tls_reason);
    add_sides(buf, bout);
    add_page_rows(buf, bout);
    strbuf_adds(buf, "ms             mean       p50       p90       p99       max\n");
    strbuf_adds(buf, "raw      ");
    add_times(buf, &bout->score.raw);
    strbuf_adds(buf, "planned  ");
    add_times(buf, &bout->score.planned);
    strbuf_adds(buf, "lag      ");
    add_times(buf, &bout->score.lag);
}

void bout_format_line(const struct bout *bout, struct strbuf *buf)
{
    strbuf_addf(buf, "%7" PRIu32 " sessions: %s, %.2f %% good, %.2f %% tolerable, limited by %s\n",
                bout->sessions, verdict_text(&bout->verdict), 100 * bout->verdict.all.good.estimate,
                100 * bout->verdict.all.tolerable.estimate, bout_limit_text(bout->limit));
}

static void add_steps_text(struct strbuf *buf, const struct capacity *capacity)
{
    strbuf_adds(buf, "sessions  good %  toler %  pages/s   ms p50      p90      p99\n");
    for (size_t i = 0; i < capacity->step_count; i++) {
        const struct capacity_step *step = &capacity->steps[i];
        strbuf_addf(buf, "%8" PRIu32 " %7.2f %8.2f %8.1f %8.0f %8.0f %8.0f  %s\n", step->sessions,
                    100 * step->good, 100 * step->tolerable, step->pages_per_s,
                    (double)step->p50_ns / 1e6, (double)step->p90_ns / 1e6,
                    (double)step->p99_ns / 1e6, outcome_text(step->outcome));
    }
}

void capacity_format_text(const struct capacity_options *options, const struct capacity *capacity,
                          struct strbuf *buf)
{
    const struct search *search = &capacity->search;
    if (capacity->at.sessions)
        bout_format_text(&options->bout, &capacity->at, buf);
    if (capacity->method == CAPACITY_CLIMB)
        add_steps_text(buf, capacity);
    strbuf_addf(buf, "capacity  %" PRIu32 " sessions", search_capacity(search));
    if (capacity->method == CAPACITY_BISECT)
        strbuf_addf(buf, " (step %" PRIu32 ")", search->options.step);
    strbuf_addf(buf, ", %s\n", search_state_text(search->state));
    if (!capacity->beyond.sessions)
        return;
    char reason[VERDICT_REASON_BYTES];
    strbuf_addf(buf, "beyond    %" PRIu32 " sessions: %s, limited by %s\n",
                capacity->beyond.sessions,
                verdict_reason(&capacity->beyond.verdict, &options->bout.verdict, reason),
                bout_limit_text(capacity->beyond.limit));
}

/* HDR log. */

struct log_place {
    double header_s; /* since the epoch, like the next */
    double start_s;
    double length_s;
};

static int log_interval(struct strbuf *buf, const struct log_place *place, const char *tag,
                        const struct hdr *hdr)
{
    struct hdrlog_interval interval = {
        .start_s = place->start_s, .length_s = place->length_s, .hdr = *hdr};
    snprintf(interval.tag, sizeof(interval.tag), "%s", tag);
    return hdr->count ? hdrlog_format_interval(buf, place->header_s, &interval) : 0;
}

static int log_pages(struct strbuf *buf, const struct log_place *place, const struct score *score)
{
    int rc = 0;
    for (int i = 0; i < SHOP_PAGES && rc == 0; i++)
        rc = log_interval(buf, place, shop_page_info((enum shop_page)i)->name,
                          &score->pages[i].times);
    return rc;
}

int bout_format_score_hdrlog(const struct score *score, double start_s, double length_s,
                             struct strbuf *buf)
{
    const struct log_place place = {start_s, start_s, length_s};
    hdrlog_format_header(buf, start_s, "vtax load shop: the iterations that count");
    int rc = log_interval(buf, &place, "raw", &score->raw);
    rc = rc < 0 ? rc : log_interval(buf, &place, "planned", &score->planned);
    rc = rc < 0 ? rc : log_interval(buf, &place, "lag", &score->lag);
    return rc < 0 ? rc : log_pages(buf, &place, score);
}

int bout_format_hdrlog(const struct bout *bout, struct strbuf *buf)
{
    const struct intervals_range range = {
        .from_part = bout->from,
        .to_part = bout->to,
        .start_s = bout->began_s,
        .duration_ns = bout->crowd.duration_ns,
    };
    const struct log_place window = {
        .header_s = bout->began_s,
        .start_s = bout->began_s + (double)bout->start_ns / 1e9,
        .length_s = (double)bout->window_ns / 1e9,
    };
    hdrlog_format_header(buf, bout->began_s, "vtax load shop: the iterations that count");
    int rc = intervals_format(bout->crowd.intervals, bout->crowd.interval_count, &range, buf);
    return rc < 0 ? rc : log_pages(buf, &window, &bout->score);
}
