/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "load/bout-format.h"
#include "shop/fileset.h"
#include "workload/shop.h"

/* Attachments, as store/kept.h names them for readers: this folder does not see the store. */
#define SERIES "csv"
#define HISTOGRAMS "hdrlog"

/* From here on a machine has no CPU left, or its vCPUs no CPU of the host. */
#define BUSY_LIMIT 0.90
#define WAIT_LIMIT 0.20

/* When the bout that `of` shows was, on the host's clock; 0: not known. */
static uint64_t find_start(const struct shop_trial *trial, const struct bout *of)
{
    uint64_t start_ns = trial->start_ns;
    if (trial->capacity.method == CAPACITY_CLIMB || !of->sessions)
        return start_ns;
    for (size_t i = 0; i < trial->bout_count; i++) {
        const struct shop_bout *bout = &trial->bouts[i];
        if (bout->sessions == of->sessions && bout->good == bout_is_good(of))
            start_ns = bout->start_ns;
    }
    return start_ns;
}

struct span {
    uint64_t from_ns;
    uint64_t to_ns;
};

/* When what was judged was. Of a climb it is short, and pages planned in it are served later: what
 * comes in the second after it belongs to it. */
static struct span find_span(const struct shop_trial *trial, const struct bout *bout)
{
    uint64_t from_ns = find_start(trial, bout) + bout->start_ns;
    bool is_climb = trial->capacity.method == CAPACITY_CLIMB;
    return (struct span){from_ns, from_ns + bout->window_ns + (is_climb ? NS_PER_S : 0)};
}

/* The mean over all machines. */
static struct pulse_means mean_of_all(const struct workload_run *run, const struct pulse *pulse,
                                      const struct span *span)
{
    struct pulse_means sum = {0};
    for (unsigned i = 0; i < run->machine_count; i++) {
        struct pulse_means one = pulse_mean(pulse, i, span->from_ns, span->to_ns);
        sum.busy += one.busy / run->machine_count;
        sum.wait += one.wait / run->machine_count;
    }
    return sum;
}

/* Why more were not served. Late pages have causes that the engine cannot see. */
static const char *find_limit(const struct workload_run *run, const struct shop_trial *trial)
{
    const struct bout *beyond = &trial->capacity.beyond;
    if (!beyond->sessions)
        return "nothing that was tried";
    if (beyond->limit != BOUT_LIMIT_LATENCY && beyond->limit != BOUT_LIMIT_ERRORS)
        return bout_limit_text(beyond->limit);
    struct span span = find_span(trial, beyond);
    struct pulse_means means = mean_of_all(run, trial->pulse, &span);
    if (means.wait > WAIT_LIMIT)
        return "CPU of the host: vCPUs waited for it";
    if (means.busy > BUSY_LIMIT)
        return "CPU of the machine";
    return bout_limit_text(beyond->limit);
}

/* What a bout put on all machines together. */
#define LOAD_TEXT_MAX 64
static const char *describe_load(const struct workload_run *run, const struct bout *bout,
                                 char text[LOAD_TEXT_MAX])
{
    const struct shop_options *want = run->options;
    if (shop_is_open(run->options))
        snprintf(text, LOAD_TEXT_MAX, "%g arrivals/s", want->arrivals_hz * run->machine_count);
    else
        snprintf(text, LOAD_TEXT_MAX, "%" PRIu32 " sessions", bout->sessions);
    return text;
}

static void add_machine(struct workload_run *run, const struct shop_trial *trial, unsigned machine)
{
    const struct bout *at = &trial->capacity.at;
    struct score score;
    bout_merge_shop(at, machine, &score);
    struct score_page total = score_total(&score);
    double views = total.views ? (double)total.views : 1;
    double sessions = shop_is_open(run->options) ? (double)shop_first_sessions(run->options)
                                                 : (double)at->sessions / run->machine_count;
    workload_add_sample(run, machine, SHOP_METRIC_SESSIONS, sessions);
    workload_add_sample(run, machine, SHOP_METRIC_PAGES,
                        (double)total.views * 1e9 / (double)at->window_ns);
    workload_add_sample(run, machine, SHOP_METRIC_GOOD, 100 * (double)total.good / views);
    workload_add_sample(run, machine, SHOP_METRIC_P90,
                        (double)hdr_quantile(&score.planned, 0.90) / 1e6);
    workload_add_sample(run, machine, SHOP_METRIC_P99,
                        (double)hdr_quantile(&score.planned, 0.99) / 1e6);
    score_done(&score);
    struct span span = find_span(trial, at);
    struct pulse_means means = pulse_mean(trial->pulse, machine, span.from_ns, span.to_ns);
    workload_add_figure(run, (int)machine, "cpu_busy_share", means.busy, NULL);
    /* In all runs of the search, as long as probes look. */
    const struct shop_count *count = &trial->counts[machine];
    workload_add_figure(run, (int)machine, "counted_pages", (double)count->pages, NULL);
    workload_add_figure(run, (int)machine, "page_time_ns", (double)count->page_time_ns, NULL);
    static const char own_kernel[] = "native: the kernel is the host's";
    bool is_virtual = machine_is_virtual(run->machines[machine]);
    const char *why = is_virtual ? NULL : own_kernel;
    workload_add_figure(run, (int)machine, "cpu_steal_share", means.steal, why);
    workload_add_figure(run, (int)machine, "runnable_tasks", means.runnable, why);
    workload_add_figure(run, (int)machine, "vcpu_wait_share", means.wait,
                        is_virtual ? NULL : "native: no vCPU");
}

static void add_figures(struct workload_run *run, const struct bout *at)
{
    workload_add_figure(run, -1, "load_busy_share", at->load_busy_share, NULL);
    workload_add_figure(run, -1, "back_end_busy_share", at->back_end_busy_share, NULL);
    workload_add_figure(run, -1, "lag_p99_ns", (double)at->verdict.lag_p99_ns, NULL);
    workload_add_figure(run, -1, "requests", (double)at->score.requests, NULL);
    workload_add_figure(run, -1, "failed_requests",
                        (double)load_failures_total(&at->score.failures), NULL);
}

static void add_placement(struct workload_run *run)
{
    const struct plan_placement *placement = run->placement;
    bool apart = placement->vms.count > 0 && placement->load.count > 0;
    for (size_t i = 0; i < placement->vms.count; i++)
        for (size_t k = 0; k < placement->load.count; k++)
            apart = apart && placement->vms.items[i] != placement->load.items[k];
    workload_add_fact(run, "shop.placement", "%s",
                      apart ? "load side and machines on CPUs of their own"
                            : "load side and machines share CPUs");
}

static void add_file_set(struct workload_run *run, const struct shop_trial *trial)
{
    const struct shop_options *want = run->options;
    const struct shop_world *world = &trial->stage.world;
    bool climbs = trial->capacity.method == CAPACITY_CLIMB;
    if (!climbs && !shop_is_one(run->options) && !want->built_sessions)
        workload_add_fact(run, "shop.file-set",
                          "in each machine for as many sessions as come, at most %" PRIu64,
                          want->built_most);
    else
        workload_add_fact(run, "shop.file-set",
                          "%" PRIu64 " MB in each machine, for %" PRIu32 " sessions%s",
                          fileset_bytes(world) / 1000000, world->sessions,
                          climbs && !want->built_sessions ? ", with which the climb begins" : "");
}

static void add_facts(struct workload_run *run, const struct shop_trial *trial)
{
    const struct capacity *capacity = &trial->capacity;
    const struct bout_options *options = &trial->search.bout;
    char reason[VERDICT_REASON_BYTES], think[UNITS_TEXT_MAX], load[LOAD_TEXT_MAX];
    workload_add_fact(run, "shop.verdict", "%s",
                      capacity->at.sessions ? verdict_text(&capacity->at.verdict) : "failed");
    workload_add_fact(run, "shop.ended", "%s",
                      shop_is_one(run->options) ? "no more was asked for"
                                                : search_state_text(capacity->search.state));
    workload_add_fact(run, "shop.limit", "%s", find_limit(run, trial));
    if (capacity->beyond.sessions)
        workload_add_fact(run, "shop.beyond", "%s: %s", describe_load(run, &capacity->beyond, load),
                          verdict_reason(&capacity->beyond.verdict, &options->verdict, reason));
    uint64_t think_ns = options->crowd.think_mean_ns;
    bool climbs = capacity->method == CAPACITY_CLIMB;
    workload_add_fact(run, "shop.setting", "think time %s%s, %s",
                      units_format_duration(think_ns, think),
                      think_ns < 10 * NS_PER_S ? " (shortened; rated: 10s)" : "",
                      shop_is_open(run->options) ? describe_load(run, &capacity->at, load)
                      : climbs                   ? "one run with growing sessions"
                                                 : "one run for each number of sessions");
    workload_add_fact(run, "shop.good-ns", "%" PRIu64, options->crowd.limits.good_ns);
    workload_add_fact(run, "shop.tolerable-ns", "%" PRIu64, options->crowd.limits.tolerable_ns);
    add_file_set(run, trial);
    add_placement(run);
}

static int attach_latency(struct workload_run *run, const struct bout *at, struct error *err)
{
    double now_s = (double)clock_realtime_ns() / 1e9, length_s = (double)at->window_ns / 1e9;
    int rc = 0;
    for (int machine = -1; machine < (int)run->machine_count && rc >= 0; machine++) {
        CLEANUP_STRBUF struct strbuf text;
        struct score score;
        strbuf_init(&text);
        if (machine >= 0)
            bout_merge_shop(at, (unsigned)machine, &score);
        rc = bout_format_score_hdrlog(machine >= 0 ? &score : &at->score, now_s, length_s, &text);
        if (machine >= 0)
            score_done(&score);
        workload_attach(run, machine, "shop/latency", HISTOGRAMS, &text);
    }
    return rc < 0 ? error_set(err, ERROR_INTERNAL, rc, "keep histograms: they do not fit") : 0;
}

static void attach_pulse(struct workload_run *run, const struct shop_trial *trial)
{
    uint64_t origin_ns = find_start(trial, &trial->capacity.at);
    for (unsigned i = 0; i < run->machine_count; i++) {
        CLEANUP_SERIES struct series series;
        CLEANUP_STRBUF struct strbuf text;
        strbuf_init(&text);
        pulse_tabulate(trial->pulse, i, origin_ns, &series);
        series_format(&series, &text);
        workload_attach(run, (int)i, "machine/seconds", SERIES, &text);
    }
}

static int attach_all(struct workload_run *run, const struct shop_trial *trial, struct error *err)
{
    const struct capacity *capacity = &trial->capacity;
    CLEANUP_STRBUF struct strbuf steps;
    CLEANUP_STRBUF struct strbuf seconds;
    CLEANUP_STRBUF struct strbuf result;
    strbuf_init(&steps);
    strbuf_init(&seconds);
    strbuf_init(&result);
    capacity_format_steps(capacity, &steps);
    workload_attach(run, -1, "shop/search", SERIES, &steps);
    strbuf_adds(&result, "{\"format\":\"vtax-load\",\"version\":1,\"mode\":\"capacity\","
                         "\"capacity\":");
    capacity_format_json(&trial->search, capacity, &result);
    strbuf_adds(&result, "}\n");
    workload_attach(run, -1, "shop/result", "json", &result);
    attach_pulse(run, trial);
    if (!capacity->at.sessions)
        return 0;
    bout_format_seconds(&capacity->at, &seconds);
    workload_attach(run, -1, "shop/seconds", SERIES, &seconds);
    return attach_latency(run, &capacity->at, err);
}

/* A number that says more of the load side or of the bounds than of the machines must not count. */
static void judge(struct workload_run *run, const struct shop_trial *trial)
{
    const struct capacity *capacity = &trial->capacity;
    const struct verdict_options *options = &trial->search.bout.verdict;
    const struct bout *beyond = &capacity->beyond;
    const struct bout *flawed = !verdict_is_valid(&capacity->at.verdict)       ? &capacity->at
                                : beyond->sessions && !bout_is_refused(beyond) ? beyond
                                                                               : NULL;
    char reason[VERDICT_REASON_BYTES], load[LOAD_TEXT_MAX];
    if (flawed)
        snprintf(run->invalid, sizeof(run->invalid), "%s: %.180s", describe_load(run, flawed, load),
                 verdict_reason(&flawed->verdict, options, reason));
    else if (!shop_is_one(run->options) && capacity->search.state == SEARCH_AT_MOST)
        snprintf(run->invalid, sizeof(run->invalid),
                 "all %" PRIu32 " sessions that were allowed were served: the capacity is more "
                 "(raise `most`, or the limits of open files and ports)",
                 capacity->at.sessions);
    else if (!bout_is_good(&capacity->at))
        snprintf(run->invalid, sizeof(run->invalid),
                 "%s were not served within the quality of service: %.140s",
                 describe_load(run, &capacity->at, load),
                 verdict_reason(&capacity->at.verdict, options, reason));
}

int shop_keep(struct workload_run *run, const struct shop_trial *trial, struct error *err)
{
    const struct capacity *capacity = &trial->capacity;
    add_facts(run, trial);
    int rc = attach_all(run, trial, err);
    if (rc < 0)
        return rc;
    if (!capacity->at.sessions) {
        char reason[VERDICT_REASON_BYTES];
        return error_set(
            err, ERROR_FAILED, -ENODATA,
            "no number of sessions was served within the quality of service, not even "
            "%" PRIu32 ": %s",
            capacity->beyond.sessions,
            verdict_reason(&capacity->beyond.verdict, &trial->search.bout.verdict, reason));
    }
    for (unsigned i = 0; i < run->machine_count; i++) {
        add_machine(run, trial, i);
        run->host_ns[i] = capacity->at.crowd.duration_ns;
    }
    add_figures(run, &capacity->at);
    judge(run, trial);
    return 0;
}
