/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/raw.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "http/timers.h"
#include "load/latency.h"
#include "load/thread.h"

/* Connections that are opened at once before the start: fewer than a listening queue holds. */
enum { OPEN_AT_ONCE = 64 };

#define OPEN_PHASE_MAX_NS (5 * NS_PER_S)
#define RETRY_AFTER_NS (10 * NS_PER_MS)
#define DRAIN_STEP_NS (100 * NS_PER_MS)
#define INTERRUPTED_DRAIN_NS NS_PER_S

enum { REQUEST_BYTES = URL_TARGET_BYTES + URL_AUTHORITY_BYTES + 128 };

enum phase { OPENING, RUNNING, DRAINING };

struct raw_connection {
    bool busy;    /* a request is under way */
    bool settled; /* opened or failed in the opening phase */
    bool listed;  /* in the list of free connections, where a dead one may stay for a while */
    uint64_t planned_ns;
};

struct raw_thread {
    /* Read by the thread that shows progress; alone in their cache lines. */
    uint64_t requests __attribute__((aligned(LOAD_THREAD_ALIGNMENT)));
    uint64_t failed;
    uint64_t body_bytes;

    const struct raw_options *options __attribute__((aligned(LOAD_THREAD_ALIGNMENT)));
    struct load_gate *gate;
    unsigned index;
    uint64_t first_connection; /* of all threads' connections */
    uint32_t connections;
    const char *request;
    size_t request_length;

    struct tls_context *tls;
    struct client *client;
    struct raw_connection *state;
    struct timers retries;
    uint32_t *free; /* a ring, first come first served */
    uint32_t free_first;
    uint32_t free_count;
    enum phase phase;
    uint32_t next_to_open; /* in the opening phase */
    uint32_t opened;       /* in that phase */
    uint32_t settled;      /* opened or failed once */
    uint32_t busy;
    uint64_t start_ns;
    uint64_t planned; /* requests whose planned start has been reached */
    uint64_t sent;
    uint64_t last_response_ns;
    uint64_t cpu_ns;
    enum client_failure first_failure;
    int first_failure_code;
    struct load_failures failures;
    struct hdr latency_raw;
    struct hdr latency_planned;
    struct intervals *intervals; /* NULL: not kept */
    struct error error;
    int rc;
};

static bool has_rate(const struct raw_thread *thread)
{
    return thread->options->rate_hz > 0;
}

static void open_connection(struct raw_thread *thread, uint32_t number)
{
    const struct target *target = thread->options->target;
    struct client_target to = {
        .remote = target->remote,
        .local = target_source(target, thread->first_connection + number),
        .tls_host = target->url.tls ? target->url.host : NULL,
    };
    client_open(thread->client, number, &to);
}

static void send_request(struct raw_thread *thread, uint32_t number, uint64_t planned_ns)
{
    struct raw_connection *connection = &thread->state[number];
    connection->busy = true;
    connection->planned_ns = planned_ns;
    thread->busy++;
    thread->sent++;
    client_request(thread->client, number, thread->request, thread->request_length,
                   thread->options->head);
}

/* The k-th planned start of this thread: the threads take turns, so that all together are even. */
static uint64_t planned_start_ns(const struct raw_thread *thread, uint64_t k)
{
    double turn = (double)k * thread->options->threads + thread->index;
    return thread->start_ns + (uint64_t)(turn * (double)NS_PER_S / thread->options->rate_hz);
}

static void add_free(struct raw_thread *thread, uint32_t number)
{
    if (thread->state[number].listed)
        return;
    thread->state[number].listed = true;
    thread->free[(thread->free_first + thread->free_count++) % thread->connections] = number;
}

static bool take_free(struct raw_thread *thread, uint32_t *out_number)
{
    while (thread->free_count > 0) {
        uint32_t number = thread->free[thread->free_first];
        thread->free_first = (thread->free_first + 1) % thread->connections;
        thread->free_count--;
        thread->state[number].listed = false;
        if (client_is_open(thread->client, number) && !thread->state[number].busy) {
            *out_number = number;
            return true;
        }
    }
    return false;
}

/* A connection can carry a request. */
static void use_connection(struct raw_thread *thread, uint32_t number)
{
    if (thread->phase == RUNNING && !has_rate(thread))
        send_request(thread, number, 0);
    else if (thread->phase != DRAINING)
        add_free(thread, number);
}

/* Connection `number` opened or failed in the opening phase: it is the next one's turn. */
static void open_next(struct raw_thread *thread, uint32_t number)
{
    thread->settled += !thread->state[number].settled;
    thread->state[number].settled = true;
    if (thread->next_to_open < thread->connections)
        open_connection(thread, thread->next_to_open++);
}

static void on_opened(void *context, uint32_t number)
{
    struct raw_thread *thread = context;
    if (thread->phase == OPENING) {
        thread->opened++;
        open_next(thread, number);
    }
    use_connection(thread, number);
}

static void record(struct raw_thread *thread, const struct raw_connection *connection,
                   const struct client_response *response)
{
    uint64_t now_ns = client_now_ns(thread->client);
    uint64_t raw_ns = now_ns - response->sent_ns;
    uint64_t planned_ns = has_rate(thread) ? now_ns - connection->planned_ns : raw_ns;
    hdr_record(&thread->latency_raw, raw_ns);
    if (has_rate(thread))
        hdr_record(&thread->latency_planned, planned_ns);
    if (thread->intervals) {
        uint64_t elapsed_ns = now_ns - thread->start_ns;
        intervals_record(thread->intervals, INTERVAL_RAW, 0, elapsed_ns, raw_ns);
        intervals_record(thread->intervals, INTERVAL_PLANNED, 0, elapsed_ns, planned_ns);
    }
    thread->last_response_ns = now_ns;
    counter_add(&thread->requests, 1);
    counter_add(&thread->body_bytes, response->body_bytes);
    if (response->status >= 400) {
        thread->failures.counts[LOAD_BAD_STATUS]++;
        counter_add(&thread->failed, 1);
    }
}

static void on_done(void *context, uint32_t number, const struct client_response *response)
{
    struct raw_thread *thread = context;
    struct raw_connection *connection = &thread->state[number];
    connection->busy = false;
    thread->busy--;
    record(thread, connection, response);
    if (response->keep_alive)
        use_connection(thread, number);
    else if (thread->phase != DRAINING)
        open_connection(thread, number);
}

static void on_failed(void *context, uint32_t number, enum client_failure failure, int code)
{
    struct raw_thread *thread = context;
    struct raw_connection *connection = &thread->state[number];
    bool was_busy = connection->busy;
    connection->busy = false;
    thread->busy -= was_busy;
    if (thread->phase == OPENING) {
        if (thread->first_failure == CLIENT_FAILURES) {
            thread->first_failure = failure;
            thread->first_failure_code = code;
        }
        open_next(thread, number);
        return;
    }
    thread->failures.counts[failure]++;
    counter_add(&thread->failed, 1);
    if (was_busy && thread->phase == RUNNING)
        open_connection(thread, number);
    else if (thread->phase == RUNNING) /* at once would be a busy loop where a server is dead */
        timers_set(&thread->retries, number, client_now_ns(thread->client) + RETRY_AFTER_NS);
}

static void on_closed(void *context, uint32_t number)
{
    struct raw_thread *thread = context;
    if (thread->phase != DRAINING)
        timers_set(&thread->retries, number, client_now_ns(thread->client) + RETRY_AFTER_NS);
}

static const struct client_handler handler = {
    .opened = on_opened,
    .done = on_done,
    .failed = on_failed,
    .closed = on_closed,
};

static int run_client(struct raw_thread *thread, uint64_t until_ns)
{
    uint64_t retry_ns = timers_next_ns(&thread->retries);
    int rc = client_run(thread->client, until_ns < retry_ns ? until_ns : retry_ns, &thread->error);
    struct timers_entry entry;
    while (timers_take(&thread->retries, client_now_ns(thread->client), &entry))
        if (thread->phase != DRAINING)
            open_connection(thread, entry.id);
    return rc;
}

static int open_all(struct raw_thread *thread)
{
    uint64_t deadline_ns = clock_monotonic_ns() + OPEN_PHASE_MAX_NS;
    thread->phase = OPENING;
    thread->first_failure = CLIENT_FAILURES;
    while (thread->next_to_open < thread->connections && thread->next_to_open < OPEN_AT_ONCE)
        open_connection(thread, thread->next_to_open++);
    while (thread->settled < thread->connections && !load_gate_is_stopped(thread->gate)) {
        int rc = run_client(thread, deadline_ns);
        if (rc < 0)
            return rc;
        if (client_now_ns(thread->client) >= deadline_ns)
            break;
    }
    return 0;
}

/* Sends what is due while there are free connections. Returns when to look again. */
static uint64_t send_planned(struct raw_thread *thread, uint64_t now_ns, uint64_t end_ns)
{
    for (;;) {
        uint64_t planned_ns = planned_start_ns(thread, thread->sent);
        if (planned_ns >= end_ns)
            return end_ns;
        if (planned_ns > now_ns)
            return planned_ns;
        uint32_t number;
        if (!take_free(thread, &number))
            return end_ns; /* a response will wake us */
        send_request(thread, number, planned_ns);
    }
}

static int run_closed(struct raw_thread *thread, uint64_t end_ns)
{
    uint32_t number;
    while (take_free(thread, &number))
        send_request(thread, number, 0);
    while (client_now_ns(thread->client) < end_ns && !load_gate_is_stopped(thread->gate)) {
        int rc = run_client(thread, end_ns);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int run_rated(struct raw_thread *thread, uint64_t end_ns)
{
    uint64_t now_ns = thread->start_ns;
    while (now_ns < end_ns && !load_gate_is_stopped(thread->gate)) {
        int rc = run_client(thread, send_planned(thread, now_ns, end_ns));
        if (rc < 0)
            return rc;
        now_ns = client_now_ns(thread->client);
    }
    while (planned_start_ns(thread, thread->planned) < (now_ns < end_ns ? now_ns : end_ns))
        thread->planned++;
    return 0;
}

/* Waits for the answers that are under way; each has a time-out. */
static int drain(struct raw_thread *thread)
{
    uint64_t give_up_ns = UINT64_MAX;
    thread->phase = DRAINING;
    while (thread->busy > 0 && client_now_ns(thread->client) < give_up_ns) {
        int rc = run_client(thread, client_now_ns(thread->client) + DRAIN_STEP_NS);
        if (rc < 0)
            return rc;
        if (load_gate_is_stopped(thread->gate) && give_up_ns == UINT64_MAX)
            give_up_ns = client_now_ns(thread->client) + INTERRUPTED_DRAIN_NS;
    }
    return 0;
}

static int measure(struct raw_thread *thread)
{
    uint64_t cpu_ns = load_thread_cpu_ns();
    thread->start_ns = clock_monotonic_ns();
    thread->phase = RUNNING;
    uint64_t end_ns = thread->start_ns + thread->options->duration_ns;
    for (uint32_t i = 0; i < thread->connections; i++)
        if (client_is_closed(thread->client, i))
            open_connection(thread, i);
    int rc = has_rate(thread) ? run_rated(thread, end_ns) : run_closed(thread, end_ns);
    if (client_now_ns(thread->client) > thread->last_response_ns)
        thread->last_response_ns = client_now_ns(thread->client);
    rc = rc < 0 ? rc : drain(thread);
    thread->cpu_ns = load_thread_cpu_ns() - cpu_ns;
    return rc;
}

static int set_up(struct raw_thread *thread)
{
    const struct raw_options *options = thread->options;
    int rc = load_thread_pin(options->cpus, options->cpu_count, thread->index, &thread->error);
    if (rc == 0 && options->target->url.tls) {
        struct tls_options tls = {.ca_file = options->ca_file, .insecure = options->insecure};
        rc = tls_context_new(&tls, &thread->tls, &thread->error);
    }
    struct client_options client = {
        .loop = options->loop,
        .connections = thread->connections,
        .handler = &handler,
        .context = thread,
        .tls = thread->tls,
        .connect_timeout_ns = options->timeout_ns,
        .response_timeout_ns = options->timeout_ns,
        .limits = {.body_limit = options->body_limit},
        .receive_bytes_per_s = options->receive_bytes_per_s,
    };
    return rc < 0 ? rc : client_new(&client, &thread->client, &thread->error);
}

static void *run_thread(void *context)
{
    struct raw_thread *thread = context;
    thread->rc = set_up(thread);
    thread->rc = thread->rc < 0 ? thread->rc : open_all(thread);
    load_gate_arrive(thread->gate, thread->rc < 0        ? LOAD_ARRIVAL_FAILED
                                   : thread->opened == 0 ? LOAD_ARRIVAL_IDLE
                                                         : LOAD_ARRIVAL_READY);
    if (load_gate_wait(thread->gate))
        thread->rc = measure(thread);
    load_gate_leave(thread->gate);
    return NULL;
}

static size_t format_request(const struct raw_options *options, char text[REQUEST_BYTES])
{
    char authority[URL_AUTHORITY_BYTES];
    const struct url *url = &options->target->url;
    return (size_t)snprintf(text, REQUEST_BYTES,
                            "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: vtax/" VTAX_VERSION "\r\n"
                            "\r\n",
                            options->head ? "HEAD" : "GET", url->target,
                            url_format_authority(url, authority));
}

struct raw_run {
    const struct raw_options *options;
    struct load_gate gate;
    struct raw_thread *threads;
    struct intervals *intervals; /* of each thread; NULL: not kept */
    char request[REQUEST_BYTES];
};

static void init_thread(struct raw_run *run, unsigned index)
{
    const struct raw_options *options = run->options;
    struct raw_thread *thread = &run->threads[index];
    uint64_t connections = options->connections, threads = options->threads;
    thread->options = options;
    thread->gate = &run->gate;
    thread->index = index;
    thread->first_connection = connections * index / threads;
    thread->connections =
        (uint32_t)(connections * (index + 1) / threads - thread->first_connection);
    thread->request = run->request;
    thread->request_length = strlen(run->request);
    thread->state = mem_array(thread->connections, sizeof(thread->state[0]));
    thread->free = mem_array(thread->connections, sizeof(thread->free[0]));
    thread->intervals = run->intervals ? &run->intervals[index] : NULL;
    timers_init(&thread->retries, thread->connections);
    latency_hdr_init(&thread->latency_raw);
    latency_hdr_init(&thread->latency_planned);
}

static void done_thread(struct raw_thread *thread)
{
    client_free(thread->client);
    tls_context_free(thread->tls);
    timers_done(&thread->retries);
    free(thread->state);
    free(thread->free);
    hdr_done(&thread->latency_raw);
    hdr_done(&thread->latency_planned);
}

static void show_progress(void *context, uint64_t elapsed_ns)
{
    const struct raw_run *run = context;
    struct raw_progress progress = {.elapsed_ns = elapsed_ns};
    for (unsigned i = 0; i < run->options->threads; i++) {
        progress.requests += counter_read(&run->threads[i].requests);
        progress.failures += counter_read(&run->threads[i].failed);
        progress.bytes += counter_read(&run->threads[i].body_bytes);
    }
    if (run->options->show)
        run->options->show(run->options->show_context, &progress);
}

static void merge_thread(struct raw_result *result, const struct raw_thread *thread)
{
    struct client_totals totals;
    client_read_totals(thread->client, &totals);
    result->requests += thread->requests;
    load_failures_merge(&result->failures, &thread->failures);
    result->planned += thread->planned;
    result->unsent += thread->planned > thread->sent ? thread->planned - thread->sent : 0;
    result->bytes += totals.received_bytes;
    result->body_bytes += thread->body_bytes;
    result->sent_bytes += totals.sent_bytes;
    result->connects += totals.connects;
    result->cpu_ns += thread->cpu_ns;
    result->loop = client_loop_name(thread->client);
    if (!result->tls_reason[0])
        memcpy(result->tls_reason, client_tls_reason(thread->client), TLS_REASON_BYTES);
    latency_hdr_add(&result->latency_raw, &thread->latency_raw);
    latency_hdr_add(&result->latency_planned,
                    has_rate(thread) ? &thread->latency_planned : &thread->latency_raw);
}

static void merge_threads(struct raw_run *run, struct raw_result *result)
{
    uint64_t start_ns = UINT64_MAX, end_ns = 0;
    latency_hdr_init(&result->latency_raw);
    latency_hdr_init(&result->latency_planned);
    for (unsigned i = 0; i < run->options->threads; i++) {
        const struct raw_thread *thread = &run->threads[i];
        merge_thread(result, thread);
        start_ns = thread->start_ns < start_ns ? thread->start_ns : start_ns;
        end_ns = thread->last_response_ns > end_ns ? thread->last_response_ns : end_ns;
    }
    result->duration_ns = end_ns - start_ns;
    result->interrupted = interrupt_requested();
    result->interval_count = run->intervals ? run->options->threads : 0;
    intervals_pack(run->intervals, result->interval_count);
    result->intervals = TAKE_PTR(run->intervals);
}

/* No thread got anywhere: the first that failed says why. */
static int explain_failure(const struct raw_run *run, struct error *err)
{
    const struct url *url = &run->options->target->url;
    for (unsigned i = 0; i < run->options->threads; i++) {
        struct raw_thread *thread = &run->threads[i];
        if (thread->rc < 0)
            return error_set(err, thread->error.kind, thread->rc, "%s", thread->error.text);
        if (thread->first_failure == CLIENT_FAILURES || thread->opened > 0)
            continue;
        enum client_failure failure = thread->first_failure;
        const char *reason = thread->client ? client_tls_reason(thread->client) : "";
        if (failure == CLIENT_CERTIFICATE)
            return error_set(err, ERROR_ENVIRONMENT, -EACCES,
                             "verify certificate of '%s': %s (name its authority with --ca-file, "
                             "or accept any with --insecure)",
                             url->host, reason);
        if (thread->first_failure_code < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, thread->first_failure_code,
                                   "connect to '%s' port %u", url->host, url->port);
        return error_set(err, ERROR_ENVIRONMENT, -EPROTO, "connect to '%s' port %u: %s %s",
                         url->host, url->port, client_failure_name(failure), reason);
    }
    if (interrupt_requested())
        return interrupt_check(err);
    return error_set(err, ERROR_ENVIRONMENT, -ETIMEDOUT, "connect to '%s' port %u: no answer",
                     url->host, url->port);
}

static int check_options(const struct raw_options *options, struct error *err)
{
    if (options->connections == 0 || options->connections > RAW_CONNECTIONS_MAX)
        return error_set(err, ERROR_USAGE, -EINVAL, "connections %u: not in 1..%u",
                         options->connections, RAW_CONNECTIONS_MAX);
    if (options->threads == 0 || options->threads > RAW_THREADS_MAX)
        return error_set(err, ERROR_USAGE, -EINVAL, "threads %u: not in 1..%u", options->threads,
                         RAW_THREADS_MAX);
    if (options->threads > options->connections)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "%u threads for %u connections: a thread needs one at least",
                         options->threads, options->connections);
    if (options->duration_ns == 0)
        return error_set(err, ERROR_USAGE, -EINVAL, "duration 0: nothing to measure");
    if (options->rate_hz > 0 && options->rate_hz * (double)options->duration_ns < (double)NS_PER_S)
        return error_set(err, ERROR_USAGE, -EINVAL, "rate %g/s: not one request in the duration",
                         options->rate_hz);
    return 0;
}

int raw_run(const struct raw_options *options, struct raw_result *out_result, struct error *err)
{
    int rc = check_options(options, err);
    if (rc < 0)
        return rc;
    struct raw_run run = {.options = options};
    format_request(options, run.request);
    run.threads = load_threads_alloc(options->threads, sizeof(run.threads[0]));
    run.intervals = options->keep_seconds ? intervals_new(options->threads) : NULL;
    for (unsigned i = 0; i < options->threads; i++)
        init_thread(&run, i);
    struct load_threads threads = {
        .run = run_thread,
        .threads = run.threads,
        .thread_bytes = sizeof(run.threads[0]),
        .count = options->threads,
        .gate = &run.gate,
        .show = show_progress,
        .show_context = &run,
    };
    rc = load_threads_run(&threads, err);
    if (rc == 0)
        rc = threads.passed ? 0 : explain_failure(&run, err);
    for (unsigned i = 0; i < options->threads && rc == 0; i++)
        if (run.threads[i].rc < 0)
            rc = error_set(err, run.threads[i].error.kind, run.threads[i].rc, "%s",
                           run.threads[i].error.text);
    if (rc == 0) {
        *out_result = (struct raw_result){0};
        merge_threads(&run, out_result);
    }
    for (unsigned i = 0; i < options->threads; i++)
        done_thread(&run.threads[i]);
    intervals_free(run.intervals, options->threads);
    free(run.threads);
    return rc;
}

double raw_requests_per_s(const struct raw_result *result)
{
    return result->duration_ns
               ? (double)result->requests * (double)NS_PER_S / (double)result->duration_ns
               : 0;
}

void raw_result_done(struct raw_result *result)
{
    hdr_done(&result->latency_raw);
    hdr_done(&result->latency_planned);
    result->intervals = intervals_free(result->intervals, result->interval_count);
}
