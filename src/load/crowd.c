/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "load/shopper.h"

#define THINK_MEAN_NS (10 * NS_PER_S)
#define THINK_MAX_MEANS 15
#define IDLE_CLOSE_NS (15 * NS_PER_S)
#define TIMEOUT_NS (30 * NS_PER_S)
#define GOOD_NS (3 * NS_PER_S)
#define TOLERABLE_NS (5 * NS_PER_S)

/* Pages that are planned in time may take this long beyond it, for the series of seconds. */
#define DRAIN_SECONDS 64

struct crowd_run {
    const struct crowd_options *options;
    struct load_gate gate;
    struct shoppers *threads;
    char (*authorities)[2][URL_AUTHORITY_BYTES];
    uint32_t second_count;
    uint64_t *sessions_at; /* there at the end of each second, as far as it was looked at */
    struct crowd_step *steps;
    struct intervals *intervals; /* of each thread; NULL: not kept */
    struct shoppers_control control;
};

static void complete(uint64_t *field, uint64_t fallback)
{
    if (*field == 0)
        *field = fallback;
}

static int check_steering(const struct crowd_options *options, struct error *err)
{
    const struct crowd_steering *steering = &options->steering;
    if (steering->steer &&
        (steering->start == 0 || steering->start > options->sessions || options->arrivals_hz > 0))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "from %" PRIu32 " to %" PRIu32 " sessions: not up, or not closed",
                         steering->start, options->sessions);
    return 0;
}

static int check_numbers(const struct crowd_options *options, struct error *err)
{
    if (options->sessions == 0 || options->sessions > CROWD_SESSIONS_MAX)
        return error_set(err, ERROR_USAGE, -EINVAL, "sessions %" PRIu32 ": not in 1..%d",
                         options->sessions, CROWD_SESSIONS_MAX);
    if (options->shop_count == 0 || options->shop_count > CROWD_SHOPS_MAX ||
        options->shop_count > options->sessions)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "%u shops for %" PRIu32
                         " sessions: not 1..%d, or a shop without a shopper",
                         options->shop_count, options->sessions, CROWD_SHOPS_MAX);
    if (options->threads == 0 || options->threads > CROWD_THREADS_MAX ||
        options->threads > options->sessions)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "%" PRIu32 " threads for %" PRIu32
                         " sessions: not in 1..%d, or a thread without a session",
                         options->threads, options->sessions, CROWD_THREADS_MAX);
    if (options->iterations == 0 || options->iterations > CROWD_ITERATIONS_MAX)
        return error_set(err, ERROR_USAGE, -EINVAL, "iterations %u: not in 1..%d",
                         options->iterations, CROWD_ITERATIONS_MAX);
    if (options->arrivals_hz < 0)
        return error_set(err, ERROR_USAGE, -EINVAL, "arrivals %g/s: below 0", options->arrivals_hz);
    return check_steering(options, err);
}

static int check_times(const struct crowd_options *options, struct error *err)
{
    uint64_t most_ns = CROWD_SECONDS_MAX * NS_PER_S;
    if (options->iteration_ns == 0)
        return error_set(err, ERROR_USAGE, -EINVAL, "iteration of no length: nothing to measure");
    if (options->ramp_ns > most_ns || options->warm_up_ns > most_ns ||
        options->iteration_ns > most_ns / options->iterations ||
        options->ramp_ns + options->warm_up_ns + options->iterations * options->iteration_ns >
            most_ns)
        return error_set(err, ERROR_USAGE, -EINVAL, "the run would be longer than a week");
    if (options->limits.good_ns > options->limits.tolerable_ns)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "the good time is longer than the tolerable one");
    return 0;
}

int crowd_options_complete(struct crowd_options *options, struct error *err)
{
    complete(&options->think_mean_ns, THINK_MEAN_NS);
    complete(&options->think_max_ns, THINK_MAX_MEANS * options->think_mean_ns);
    complete(&options->idle_close_ns, IDLE_CLOSE_NS);
    complete(&options->timeout_ns, TIMEOUT_NS);
    complete(&options->limits.good_ns, GOOD_NS);
    complete(&options->limits.tolerable_ns, TOLERABLE_NS);
    int rc = check_numbers(options, err);
    return rc < 0 ? rc : check_times(options, err);
}

static void *run_thread(void *context)
{
    struct shoppers *shoppers = context;
    shoppers->rc = shoppers_init(shoppers);
    load_gate_arrive(shoppers->gate, shoppers->rc < 0 ? LOAD_ARRIVAL_FAILED : LOAD_ARRIVAL_READY);
    if (load_gate_wait(shoppers->gate)) {
        shoppers->start_ns = load_gate_start_ns(shoppers->gate);
        shoppers->rc = shoppers_run(shoppers);
    }
    load_gate_leave(shoppers->gate);
    return NULL;
}

static void init_thread(struct crowd_run *run, unsigned index)
{
    const struct crowd_options *options = run->options;
    struct shoppers *shoppers = &run->threads[index];
    uint64_t sessions = options->sessions;
    shoppers->options = options;
    shoppers->gate = &run->gate;
    shoppers->index = index;
    shoppers->first_shopper = sessions * index / options->threads;
    shoppers->count =
        (uint32_t)(sessions * (index + 1) / options->threads - shoppers->first_shopper);
    shoppers->authorities = run->authorities;
    shoppers->second_count = run->second_count;
    shoppers->intervals = run->intervals ? &run->intervals[index] : NULL;
    shoppers->control = options->steering.steer ? &run->control : NULL;
}

/* The port is part of the Host field also where the name is given. */
static void format_authority(const struct crowd_options *options, const struct target *target,
                             char text[URL_AUTHORITY_BYTES])
{
    struct url url = target->url;
    if (options->host)
        snprintf(url.host, sizeof(url.host), "%s", options->host);
    url_format_authority(&url, text);
}

static void format_authorities(struct crowd_run *run)
{
    const struct crowd_options *options = run->options;
    run->authorities = mem_array(options->shop_count, sizeof(run->authorities[0]));
    for (unsigned i = 0; i < options->shop_count; i++) {
        const struct crowd_shop *shop = &options->shops[i];
        format_authority(options, shop->plain, run->authorities[i][false]);
        if (shop->secure)
            format_authority(options, shop->secure, run->authorities[i][true]);
    }
}

static void show_progress(void *context, uint64_t elapsed_ns)
{
    struct crowd_run *run = context;
    struct crowd_progress sum = {.elapsed_ns = elapsed_ns};
    for (unsigned i = 0; i < run->options->threads; i++) {
        const struct crowd_progress *live = &run->threads[i].live;
        sum.sessions += counter_read(&live->sessions);
        sum.pages += counter_read(&live->pages);
        sum.failed_pages += counter_read(&live->failed_pages);
        sum.requests += counter_read(&live->requests);
        sum.bytes += counter_read(&live->bytes);
        sum.cpu_ns += counter_read(&live->cpu_ns);
    }
    /* It comes a little after the second's end, and the sum of all threads is of that moment. */
    uint64_t second = elapsed_ns / NS_PER_S;
    if (second > 0 && second <= run->second_count)
        run->sessions_at[second - 1] = sum.sessions;
    if (run->options->show)
        run->options->show(run->options->show_context, &sum);
}

/* Adds up the threads' steps; returns how many pages are under way. */
static uint64_t add_steps(const struct crowd_run *run, struct crowd_step *steps)
{
    uint64_t loading = 0;
    for (unsigned i = 0; i <= run->options->iterations; i++) {
        struct crowd_step sum = {0};
        for (unsigned k = 0; k < run->options->threads; k++) {
            const struct crowd_step *step = &run->threads[k].steps[i];
            sum.ended += counter_read(&step->ended); /* before those that began */
            sum.late += counter_read(&step->late);
            sum.begun += counter_read(&step->begun);
        }
        loading += sum.begun - sum.ended;
        steps[i].begun = sum.begun;
        steps[i].ended = sum.ended;
        steps[i].late = sum.late;
    }
    return loading;
}

static bool steer(void *context, uint64_t elapsed_ns)
{
    struct crowd_run *run = context;
    const struct crowd_options *options = run->options;
    uint64_t from_ns = options->ramp_ns + options->warm_up_ns;
    if (elapsed_ns < from_ns)
        return false;
    unsigned at = (unsigned)run->control.iteration;
    struct crowd_step *step = &run->steps[at];
    if (step->start_ns == 0)
        step->start_ns = from_ns;
    step->sessions = (uint32_t)run->control.sessions;
    step->length_ns = elapsed_ns - step->start_ns;
    uint64_t loading = add_steps(run, run->steps);
    uint64_t sessions = options->steering.steer(options->steering.context, run->steps, at, loading);
    if (sessions == 0 || (sessions > step->sessions && at + 1 == options->iterations))
        return true;
    if (sessions > step->sessions) {
        run->steps[at + 1].start_ns = elapsed_ns;
        sessions = sessions < options->sessions ? sessions : options->sessions;
        counter_add(&run->control.sessions, sessions - step->sessions);
        counter_add(&run->control.iteration, 1);
    }
    return false;
}

static void merge_thread(struct crowd_result *result, const struct shoppers *shoppers)
{
    struct client_totals totals;
    client_read_totals(shoppers->client, &totals);
    for (unsigned i = 0; i < result->shops * (result->iterations + 1); i++)
        score_add(&result->scores[i], &shoppers->scores[i]);
    for (uint32_t i = 0; i < result->second_count; i++) {
        result->seconds[i].pages += shoppers->seconds[i].pages;
        result->seconds[i].failed_pages += shoppers->seconds[i].failed_pages;
        result->seconds[i].requests += shoppers->seconds[i].requests;
        result->seconds[i].bytes += shoppers->seconds[i].bytes;
    }
    result->sessions_begun += shoppers->sessions_begun;
    result->turned_away += shoppers->turned_away;
    result->unfinished += shoppers->loading;
    result->cpu_ns += shoppers->cpu_ns;
    result->connects += totals.connects;
    result->resumed += totals.resumed;
    result->loop = client_loop_name(shoppers->client);
    if (!result->tls_reason[0])
        memcpy(result->tls_reason, client_tls_reason(shoppers->client), TLS_REASON_BYTES);
}

static void merge_threads(struct crowd_run *run, struct crowd_result *result)
{
    const struct crowd_options *options = run->options;
    unsigned windows = options->shop_count * (options->iterations + 1);
    *result = (struct crowd_result){
        .shops = options->shop_count,
        .iterations = options->iterations,
        .scores = mem_array(windows, sizeof(result->scores[0])),
        .steps = mem_array(options->iterations + 1, sizeof(result->steps[0])),
        .seconds = mem_array(run->second_count, sizeof(result->seconds[0])),
        .second_count = run->second_count,
        .interrupted = interrupt_requested(),
    };
    for (unsigned i = 0; i < windows; i++)
        score_init(&result->scores[i]);
    uint64_t start_ns = load_gate_start_ns(&run->gate), end_ns = start_ns;
    for (unsigned i = 0; i < options->threads; i++) {
        const struct shoppers *shoppers = &run->threads[i];
        merge_thread(result, shoppers);
        end_ns = shoppers->last_end_ns > end_ns ? shoppers->last_end_ns : end_ns;
    }
    memcpy(result->steps, run->steps, (options->iterations + 1) * sizeof(result->steps[0]));
    add_steps(run, result->steps);
    for (uint32_t i = 0; i < run->second_count; i++)
        result->seconds[i].sessions = run->sessions_at[i];
    result->duration_ns = end_ns - start_ns;
    result->interval_count = run->intervals ? options->threads : 0;
    intervals_pack(run->intervals, result->interval_count);
    result->intervals = TAKE_PTR(run->intervals);
    uint32_t seconds = (uint32_t)((result->duration_ns + NS_PER_S - 1) / NS_PER_S);
    if (seconds < result->second_count)
        result->second_count = seconds;
}

static int find_error(const struct crowd_run *run, bool passed, struct error *err)
{
    for (unsigned i = 0; i < run->options->threads; i++) {
        const struct shoppers *shoppers = &run->threads[i];
        if (shoppers->rc < 0)
            return error_set(err, shoppers->error.kind, shoppers->rc, "%s", shoppers->error.text);
    }
    return passed ? 0 : interrupt_check(err);
}

static int run_threads(struct crowd_run *run, struct crowd_result *out_result, struct error *err)
{
    struct load_threads threads = {
        .run = run_thread,
        .threads = run->threads,
        .thread_bytes = sizeof(run->threads[0]),
        .count = run->options->threads,
        .gate = &run->gate,
        .show = show_progress,
        .show_context = run,
        .enough = run->options->steering.steer ? steer : NULL,
    };
    int rc = load_threads_run(&threads, err);
    rc = rc < 0 ? rc : find_error(run, threads.passed, err);
    if (rc == 0)
        merge_threads(run, out_result);
    return rc;
}

int crowd_run(const struct crowd_options *options, struct crowd_result *out_result,
              struct error *err)
{
    struct crowd_options completed = *options;
    int rc = crowd_options_complete(&completed, err);
    if (rc < 0)
        return rc;
    struct crowd_run run = {.options = &completed};
    uint64_t planned_ns =
        completed.ramp_ns + completed.warm_up_ns + completed.iterations * completed.iteration_ns;
    run.second_count = (uint32_t)(planned_ns / NS_PER_S) + DRAIN_SECONDS;
    run.sessions_at = mem_array(run.second_count, sizeof(run.sessions_at[0]));
    run.steps = mem_array(completed.iterations + 1, sizeof(run.steps[0]));
    run.control.sessions = completed.steering.start;
    run.threads = load_threads_alloc(completed.threads, sizeof(run.threads[0]));
    run.intervals = completed.keep_seconds ? intervals_new(completed.threads) : NULL;
    format_authorities(&run);
    for (unsigned i = 0; i < completed.threads; i++)
        init_thread(&run, i);
    rc = run_threads(&run, out_result, err);
    for (unsigned i = 0; i < completed.threads; i++)
        shoppers_done(&run.threads[i]);
    intervals_free(run.intervals, completed.threads);
    free(run.threads);
    free(run.authorities);
    free(run.sessions_at);
    free(run.steps);
    return rc;
}

const struct score *crowd_score(const struct crowd_result *result, unsigned shop,
                                unsigned iteration)
{
    return &result->scores[shop * (result->iterations + 1) + iteration];
}

void crowd_result_done(struct crowd_result *result)
{
    for (unsigned i = 0; result->scores && i < result->shops * (result->iterations + 1); i++)
        score_done(&result->scores[i]);
    intervals_free(result->intervals, result->interval_count);
    free(result->scores);
    free(result->steps);
    free(result->seconds);
    *result = (struct crowd_result){0};
}
