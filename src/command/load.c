/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax load: the load generator by itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/progress.h"
#include "cli/program.h"
#include "command/list.h"
#include "load/raw-format.h"
#include "load/raw.h"

struct load_options {
    char *url;
    uint64_t connections;
    uint64_t threads;
    uint64_t duration_ns;
    double rate_hz;
    bool head;
    bool json;
    uint64_t timeout_ns;
    uint64_t body_limit;
    uint64_t receive_bytes_per_s;
    char *ca_file;
    bool insecure;
    unsigned loop;
    struct option_counts cpus;
    char *source;
    bool allow_remote;
    char *namespace;
};

/* In the order of enum loop_kind. */
static const char *const loop_words[] = {"auto", "io_uring", "epoll", NULL};

static const struct option load_options[] = {
    {"url", 'u', OPTION_TEXT, offsetof(struct load_options, url), "URL",
     .help = "What to ask for, http:// or https://."},
    {"connections", 'c', OPTION_COUNT, offsetof(struct load_options, connections), "N",
     .fallback = "10", .min = 1, .max = RAW_CONNECTIONS_MAX, .help = "Connections, kept open."},
    {"threads", 't', OPTION_COUNT, offsetof(struct load_options, threads), "N", .fallback = "1",
     .min = 1, .max = RAW_THREADS_MAX, .help = "Threads, which share the connections."},
    {"duration", 'd', OPTION_DURATION, offsetof(struct load_options, duration_ns), "TIME",
     .fallback = "10s", .min = 1e6, .max = 30 * 24 * 3600e9, .help = "How long requests are sent."},
    {"rate", 'r', OPTION_NUMBER, offsetof(struct load_options, rate_hz), "PER-SECOND", .min = 1e-3,
     .max = 1e8,
     .help = "Send this many requests a second, evenly, and count latency from the planned start; "
             "without it each connection sends the next request when the answer has come."},
    {"head", 0, OPTION_FLAG, offsetof(struct load_options, head),
     .help = "Send HEAD in place of GET."},
    {"timeout", 0, OPTION_DURATION, offsetof(struct load_options, timeout_ns), "TIME",
     .fallback = "30s", .min = 1e6, .max = 24 * 3600e9,
     .help = "How long to wait for a connection and for a whole response."},
    {"body-limit", 0, OPTION_SIZE, offsetof(struct load_options, body_limit), "SIZE",
     .fallback = "1GiB", .min = 1, .max = 0,
     .help = "A longer response body counts as oversized_body."},
    {"receive-rate", 0, OPTION_SIZE, offsetof(struct load_options, receive_bytes_per_s), "SIZE",
     .min = 1, .max = 0,
     .help = "Receive at most so much a second on each connection, as over a slow line."},
    {"ca-file", 0, OPTION_TEXT, offsetof(struct load_options, ca_file), "FILE",
     .help = "Certificates (PEM) that may have signed the server's; without it those of the "
             "system."},
    {"insecure", 'k', OPTION_FLAG, offsetof(struct load_options, insecure),
     .help = "Do not verify the server's certificate; the result says so."},
    {"loop", 0, OPTION_WORD, offsetof(struct load_options, loop), "WORD", .fallback = "auto",
     .words = loop_words,
     .help = "How the kernel is asked for events; auto takes io_uring where it is to be had."},
    {"cpus", 0, OPTION_CPUS, offsetof(struct load_options, cpus), "LIST",
     .help = "Pin the threads to these CPUs, in turn."},
    {"source", 0, OPTION_TEXT, offsetof(struct load_options, source), "ADDRESS",
     .help = "Connect from this local address."},
    {"allow-remote", 0, OPTION_FLAG, offsetof(struct load_options, allow_remote),
     .help = "Allow a target that is not on this machine's loopback. Have its owner's consent."},
    {"namespace", 0, OPTION_TEXT, offsetof(struct load_options, namespace), "FILE",
     .help = "Send from this network namespace, e.g. /run/netns/NAME; its hosts are allowed."},
    {"json", 0, OPTION_FLAG, offsetof(struct load_options, json),
     .help = "Print the result as one line of JSON."},
};

static const struct option_table load_table = {load_options, COUNT_OF(load_options),
                                               sizeof(struct load_options)};

/* What the live line compares with. */
struct live {
    struct progress progress;
    struct raw_progress last;
    uint64_t duration_ns;
};

static void show_live(void *context, const struct raw_progress *now)
{
    struct live *live = context;
    double seconds = (double)(now->elapsed_ns - live->last.elapsed_ns) / 1e9;
    double share = (double)now->elapsed_ns / (double)live->duration_ns;
    uint64_t left_ns =
        live->duration_ns > now->elapsed_ns ? live->duration_ns - now->elapsed_ns : 0;
    progress_show(&live->progress, share < 1 ? share : 1, left_ns,
                  "%.0f requests/s  %.2f MB/s  %" PRIu64 " errors",
                  (double)(now->requests - live->last.requests) / seconds,
                  (double)(now->bytes - live->last.bytes) / 1e6 / seconds, now->failures);
    live->last = *now;
}

static int check(const struct load_options *options, struct error *err)
{
    if (!options->url)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "no target: name one with --url, e.g. --url http://127.0.0.1/");
    if (options->insecure && options->ca_file)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "--insecure and --ca-file contradict each other");
    return 0;
}

static int prepare_target(const struct load_options *options, struct target *out_target,
                          struct error *err)
{
    struct url url;
    struct target_options target = {
        .allow_remote = options->allow_remote,
        .connections = options->connections,
        .threads = (uint32_t)options->threads,
        .source = options->source,
    };
    int rc = url_parse(options->url, strlen(options->url), &url, err);
    if (rc == 0 && options->namespace)
        rc = target_enter_namespace(options->namespace, &target.in_namespace, err);
    return rc < 0 ? rc : target_prepare(&url, &target, out_target, err);
}

static void print_result(const struct load_options *options, const struct raw_options *raw,
                         const struct raw_result *result)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (options->json)
        raw_format_json(raw, result, &out);
    else
        raw_format_text(raw, result, &out);
    fputs(out.text, stdout);
}

static int run_load(const struct command_call *call, struct error *err)
{
    const struct load_options *options = call->options[0];
    struct target target;
    int rc = check(options, err);
    rc = rc < 0 ? rc : prepare_target(options, &target, err);
    if (rc < 0)
        return rc;
    struct live live = {.duration_ns = options->duration_ns};
    progress_init(&live.progress);
    struct raw_options raw = {
        .target = &target,
        .connections = (uint32_t)options->connections,
        .threads = (uint32_t)options->threads,
        .duration_ns = options->duration_ns,
        .rate_hz = options->rate_hz,
        .loop = (enum loop_kind)options->loop,
        .timeout_ns = options->timeout_ns,
        .body_limit = options->body_limit,
        .receive_bytes_per_s = options->receive_bytes_per_s,
        .head = options->head,
        .insecure = options->insecure,
        .ca_file = options->ca_file,
        .cpus = options->cpus.items,
        .cpu_count = options->cpus.count,
        .show = show_live,
        .show_context = &live,
    };
    struct raw_result result;
    rc = raw_run(&raw, &result, err);
    progress_clear(&live.progress);
    if (rc < 0)
        return rc;
    print_result(options, &raw, &result);
    bool interrupted = result.interrupted;
    raw_result_done(&result);
    return interrupted ? error_set(err, ERROR_FAILED, -EINTR, "interrupted") : 0;
}

const struct command command_load = {
    .name = "load",
    .summary = "Put HTTP load on a server and measure how it answers",
    .help = "Sends one request over and over and prints how many were answered and how fast:\n"
            "\n"
            "  vtax load --url http://127.0.0.1:8080/ --connections 100 --duration 10s\n"
            "  vtax load --url https://127.0.0.1:8443/ --rate 2000 --ca-file ca.pem --json\n"
            "\n"
            "Two latencies are given side by side. The raw one counts from the moment when the\n"
            "request was sent; the planned one from the moment when, at the given rate, it was\n"
            "due. A server that stops for a second delays all requests that were due in it: the\n"
            "planned latency shows that, the raw one does not.\n"
            "\n"
            "A response of any status counts as a request; statuses from 400 on count as\n"
            "bad_status as well. All other errors are no requests.\n",
    .tables = {&load_table},
    .run = run_load,
};
