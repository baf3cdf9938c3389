/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shop: a macro workload. Apache with the shop's module in every machine, shoppers from one engine
 * in this process to all of them at once and alike; the result is how many simultaneous sessions
 * are served within the quality of service. docs/shop.md says what a shopper does and what is kept.
 */
#include "workload/shop.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/namespace.h"
#include "workload/list.h"

#define FIELD(field) offsetof(struct shop_options, field)

static const struct option options[] = {
    {"sessions", 0, OPTION_COUNT, FIELD(sessions), "N", .fallback = "0", .min = 0,
     .max = CROWD_SESSIONS_MAX,
     .help = "Simultaneous sessions of each machine; 0 searches for the most that it serves."},
    {"start", 0, OPTION_COUNT, FIELD(start), "N", .fallback = "16", .min = 1,
     .max = CROWD_SESSIONS_MAX, .help = "Sessions of each machine that a search begins with."},
    {"most", 0, OPTION_COUNT, FIELD(most), "N", .fallback = "4000", .min = 1,
     .max = CROWD_SESSIONS_MAX, .help = "Sessions of each machine that a search ends with."},
    {"arrivals", 0, OPTION_NUMBER, FIELD(arrivals_hz), "PER-SECOND", .fallback = "0", .min = 0,
     .max = 1e6,
     .help = "Sessions that arrive at each machine in a second, as a Poisson process, and leave "
             "when they are done; `most` bounds how many are there at once. 0: sessions are "
             "always there."},
    {"built-sessions", 0, OPTION_COUNT, FIELD(built_sessions), "N", .fallback = "0", .min = 0,
     .max = 200000,
     .help = "Sessions that each machine's file set is built for, 2.8 MB each; 0: as many as come, "
             "or as a climb begins with."},
    {"built-most", 0, OPTION_COUNT, FIELD(built_most), "N", .fallback = "300", .min = 1,
     .max = 200000,
     .help =
         "Build for no more sessions than this, as the disk has room for; more come to the same "
         "files."},
    {"threads", 0, OPTION_COUNT, FIELD(threads), "N", .fallback = "0", .min = 0,
     .max = CROWD_THREADS_MAX,
     .help = "Threads of the load engine; 0: one for each CPU that the placement gives it."},
    RULES_OPTIONS(FIELD(rules)),
};

static const struct metric metrics[] = {
    [SHOP_METRIC_SESSIONS] = {.name = "sessions",
                              .unit = "sessions",
                              .higher_is_better = true,
                              .adds_up = true,
                              .primary = true,
                              .help = "Simultaneous sessions within the quality of service."},
    [SHOP_METRIC_PAGES] = {.name = "pages",
                           .unit = "pages/s",
                           .higher_is_better = true,
                           .adds_up = true,
                           .help = "Pages served to so many sessions."},
    [SHOP_METRIC_GOOD] = {.name = "good",
                          .unit = "%",
                          .higher_is_better = true,
                          .help = "Share of these pages that came within the good time."},
    [SHOP_METRIC_P90] = {.name = "page-p90",
                         .unit = "ms",
                         .help = "Time within which 90 % of these pages came, from their planned "
                                 "start."},
    [SHOP_METRIC_P99] = {.name = "page-p99",
                         .unit = "ms",
                         .help = "Time within which 99 % of these pages came, likewise."},
};

static int prepare(struct workload_run *run, struct error *err)
{
    struct shop_trial *trial = run->state = mem_zalloc(sizeof(*trial));
    trial->stage.run = run;
    int rc = shop_stage_open(&trial->stage, err);
    return rc < 0 ? rc : pulse_start(run, &trial->pulse, err);
}

/* Each second. */
static void beat(void *context, const struct crowd_progress *progress)
{
    struct shop_trial *trial = context;
    trial->start_ns = clock_monotonic_ns() - progress->elapsed_ns;
    pulse_beat(trial->pulse);
}

static void count_shop(struct shop_trial *trial, const struct bout *bout, unsigned shop)
{
    struct shop_count *count = &trial->counts[shop];
    for (unsigned i = 0; i <= bout->crowd.iterations; i++) {
        const struct score *score = crowd_score(&bout->crowd, shop, i);
        count->requests += score->requests;
        count->bytes += score->bytes;
        count->pages += score->planned.count;
        if (score->planned.count)
            count->page_time_ns +=
                (uint64_t)(hdr_mean(&score->planned) * (double)score->planned.count);
        count->unsure += load_failures_total(&score->failures) + score->abandoned + score->retried;
    }
    /* Each page under way has up to two requests on the way. */
    count->unsure += 2 * bout->crowd.unfinished;
}

/* After each bout. */
static void note_bout(void *context, const struct bout *bout)
{
    struct shop_trial *trial = context;
    trial->bouts = mem_resize_array(trial->bouts, trial->bout_count + 1, sizeof(trial->bouts[0]));
    trial->bouts[trial->bout_count++] =
        (struct shop_bout){bout->sessions, bout_is_good(bout), trial->start_ns};
    for (unsigned i = 0; i < bout->crowd.shops; i++)
        count_shop(trial, bout, i);
}

uint64_t shop_first_sessions(const struct shop_options *want)
{
    if (!shop_is_open(want))
        return want->sessions ? want->sessions : want->start;
    double shares[SHOP_PAGES], pages;
    struct capacity_options search = {0};
    rules_apply(&want->rules, &search);
    shop_solve(shares, &pages);
    /* A session thinks before every page but its first (Little's law). */
    double stay_s = (pages - 1) * (double)search.bout.crowd.think_mean_ns / 1e9;
    double sessions = want->arrivals_hz * stay_s;
    return sessions < 1 ? 1 : (uint64_t)(sessions + 0.5);
}

static int prepare_bout(void *context, uint32_t sessions, struct error *err)
{
    struct shop_trial *trial = context;
    return shop_stage_rebuild(&trial->stage, sessions / trial->stage.run->machine_count, err);
}

static void plan_search(struct shop_trial *trial)
{
    const struct workload_run *run = trial->stage.run;
    const struct shop_options *want = run->options;
    const struct option_counts *cpus = &run->placement->load;
    uint64_t threads = want->threads ? want->threads : cpus->count ? cpus->count : 1;
    uint64_t least = (want->sessions ? want->sessions : want->start) * run->machine_count;
    struct capacity_options *search = &trial->search;
    *search = (struct capacity_options){
        .bout = {.crowd = {.shops = trial->stage.shops,
                           .shop_count = run->machine_count,
                           .world = &trial->stage.world,
                           .threads = (uint32_t)(threads < least ? threads : least),
                           .seed = run->seed,
                           .arrivals_hz = want->arrivals_hz * run->machine_count,
                           .host = SHOP_HOST,
                           .ca_file = trial->stage.authority->ca_path,
                           .cpus = cpus->items,
                           .cpu_count = cpus->count,
                           .urgent = true,
                           .show = beat,
                           .show_context = trial},
                 .back_end = trial->stage.back_end},
        .search = {.start = (uint32_t)least, .most = (uint32_t)trial->stage.sessions_most},
        .tell = note_bout,
        .tell_context = trial,
        .prepare = prepare_bout,
        .prepare_context = trial,
    };
    rules_apply(&want->rules, search);
    search->search.step *= run->machine_count;
    /* One number alone: a search that is over after its first bout, whatever comes of it. */
    if (want->sessions)
        search->search.most = (uint32_t)least;
    if (shop_is_one(want)) {
        search->method = CAPACITY_BISECT;
        search->search.step = search->search.most;
    }
}

/* The bout of a number or rate that was asked for is kept whatever it says. */
static int run_one(struct shop_trial *trial, struct error *err)
{
    struct capacity *capacity = &trial->capacity;
    struct bout_options bout = trial->search.bout;
    bout.crowd.sessions = trial->search.search.most;
    int rc = bout_run(&bout, &capacity->at, err);
    if (rc < 0)
        return rc;
    search_init(&capacity->search, &trial->search.search);
    capacity->search.state = SEARCH_AT_MOST;
    capacity->search.passed = bout_is_good(&capacity->at);
    note_bout(trial, &capacity->at);
    return capacity->at.crowd.interrupted ? error_set(err, ERROR_FAILED, -EINTR, "interrupted") : 0;
}

static int run_shop(struct workload_run *run, struct error *err)
{
    struct shop_trial *trial = run->state;
    const struct shop_options *want = run->options;
    plan_search(trial);
    CLEANUP_NAMESPACE int token = namespace_enter(trial->stage.namespace_fd, err);
    if (token < 0)
        return token;
    int rc = shop_is_one(want) ? run_one(trial, err)
                               : capacity_find(&trial->search, &trial->capacity, err);
    if (rc < 0)
        return rc;
    rc = pulse_stop(trial->pulse, err);
    return rc < 0 ? rc : shop_keep(run, trial, err);
}

/* What the engine says it asked for and got must be what Apache logged. Requests that failed or
 * were given up under way may or may not have got there. */
static int verify(struct workload_run *run, struct error *err)
{
    struct shop_trial *trial = run->state;
    for (unsigned i = 0; i < run->machine_count; i++) {
        const struct shop_count *count = &trial->counts[i];
        struct shop_log log;
        int rc = shop_stage_read_log(&trial->stage, i, &log, err);
        if (rc < 0)
            return error_prefix(err, "verify shop: machine %u", i);
        bool requests_fit = log.requests + count->unsure >= count->requests &&
                            log.requests <= count->requests + count->unsure;
        bool bytes_fit = count->unsure > 0 || log.bytes == count->bytes;
        workload_add_figure(run, (int)i, "logged_requests", (double)log.requests, NULL);
        workload_add_figure(run, (int)i, "counted_requests", (double)count->requests, NULL);
        if (!requests_fit || !bytes_fit)
            return error_set(err, ERROR_FAILED, -EBADMSG,
                             "verify shop: machine %u: Apache logged %" PRIu64
                             " requests with %" PRIu64 " bytes, the engine counted %" PRIu64
                             " with %" PRIu64 " and is not sure of %" PRIu64,
                             i, log.requests, log.bytes, count->requests, count->bytes,
                             count->unsure);
    }
    return 0;
}

static void finish(struct workload_run *run)
{
    struct shop_trial *trial = run->state;
    run->state = NULL;
    if (!trial)
        return;
    pulse_free(trial->pulse);
    shop_stage_done(&trial->stage);
    capacity_done(&trial->capacity);
    free(trial->bouts);
    free(trial);
}

/* A climb goes on for about 12 s on a CPU of its own and for less where there is less; bisecting
 * takes about ten bouts. Setting the shop up takes an emulated machine 6 s. */
static uint64_t estimate(const void *settings)
{
    const struct shop_options *want = settings;
    struct capacity_options search = {0};
    rules_apply(&want->rules, &search);
    const struct crowd_options *crowd = &search.bout.crowd;
    uint64_t bout_ns =
        crowd->ramp_ns + crowd->warm_up_ns + crowd->iterations * crowd->iteration_ns + 2 * NS_PER_S;
    uint64_t first = shop_first_sessions(want);
    uint64_t set_up_ns =
        5 * NS_PER_S + shop_built_sessions(want, first) * want->rules.directories * 60 * NS_PER_MS;
    if (shop_is_one(want))
        return set_up_ns + bout_ns;
    return set_up_ns + (search.method == CAPACITY_CLIMB ? 14 * NS_PER_S : 10 * bout_ns);
}

static int check_settings(const void *settings, struct error *err)
{
    const struct shop_options *want = settings;
    if (shop_is_open(want) && want->sessions)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "arrivals and sessions contradict each other: with arrivals the sessions "
                         "come and go (`most` bounds them)");
    if (shop_is_open(want) && rules_names_search(&want->rules))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "arrivals and search contradict each other: a search is for the number of "
                         "sessions that are always there");
    if (!want->sessions && want->start > want->most)
        return error_set(err, ERROR_USAGE, -EINVAL, "start %" PRIu64 " is more than most %" PRIu64,
                         want->start, want->most);
    return rules_check(&want->rules, err);
}

const struct workload workload_shop = {
    .kind = {.name = "shop",
             .help = "Simultaneous shoppers of a web shop within a quality of service: macro.",
             .options = {options, COUNT_OF(options), sizeof(struct shop_options)},
             .estimate = estimate,
             .check = check_settings},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .prepare = prepare,
    .run = run_shop,
    .verify = verify,
    .finish = finish,
};
