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
#include "command/load_side.h"
#include "load/raw-format.h"
#include "load/raw.h"

struct load_options {
    char *url;
    uint64_t connections;
    uint64_t duration_ns;
    double rate_hz;
    bool head;
    uint64_t body_limit;
};

static const struct option load_options[] = {
    {"url", 'u', OPTION_TEXT, offsetof(struct load_options, url), "URL",
     .help = "What to ask for, http:// or https://."},
    {"connections", 'c', OPTION_COUNT, offsetof(struct load_options, connections), "N",
     .fallback = "10", .min = 1, .max = RAW_CONNECTIONS_MAX, .help = "Connections, kept open."},
    {"duration", 'd', OPTION_DURATION, offsetof(struct load_options, duration_ns), "TIME",
     .fallback = "10s", .min = 1e6, .max = 30 * 24 * 3600e9, .help = "How long requests are sent."},
    {"rate", 'r', OPTION_NUMBER, offsetof(struct load_options, rate_hz), "PER-SECOND", .min = 1e-3,
     .max = 1e8,
     .help = "Send this many requests a second, evenly, and count latency from the planned start; "
             "without it each connection sends the next request when the answer has come."},
    {"head", 0, OPTION_FLAG, offsetof(struct load_options, head),
     .help = "Send HEAD in place of GET."},
    {"body-limit", 0, OPTION_SIZE, offsetof(struct load_options, body_limit), "SIZE",
     .fallback = "1GiB", .min = 1, .max = 0,
     .help = "A longer response body counts as oversized_body."},
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

static int write_log(const struct load_side *side, const struct raw_result *result, double start_s,
                     struct error *err)
{
    CLEANUP_STRBUF struct strbuf log;
    strbuf_init(&log);
    if (raw_format_hdrlog(result, start_s, &log) < 0)
        return error_set(err, ERROR_INTERNAL, -ERANGE, "the histograms do not fit a log");
    return load_side_write_log(side, &log, err);
}

static int print_result(const struct load_side *side, const struct raw_options *raw,
                        const struct raw_result *result, double start_s, struct error *err)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (side->json)
        raw_format_json(raw, result, &out);
    else
        raw_format_text(raw, result, &out);
    fputs(out.text, stdout);
    int rc = side->hdr_log ? write_log(side, result, start_s, err) : 0;
    if (rc == 0 && result->interrupted)
        rc = error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    return rc;
}

static int prepare(const struct command_call *call, struct target *out_target, struct error *err)
{
    const struct load_options *options = call->options[0];
    if (!options->url)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "no target: name one with --url, e.g. --url http://127.0.0.1/");
    int rc = load_side_enter(call->options[1], err);
    return rc < 0 ? rc
                  : load_side_target(call->options[1], options->url, options->connections,
                                     out_target, err);
}

static int run_load(const struct command_call *call, struct error *err)
{
    const struct load_options *options = call->options[0];
    const struct load_side *side = call->options[1];
    struct target target;
    int rc = prepare(call, &target, err);
    if (rc < 0)
        return rc;
    struct live live = {.duration_ns = options->duration_ns};
    progress_init(&live.progress);
    struct raw_options raw = {
        .target = &target,
        .connections = (uint32_t)options->connections,
        .threads = (uint32_t)side->threads,
        .duration_ns = options->duration_ns,
        .rate_hz = options->rate_hz,
        .loop = (enum loop_kind)side->loop,
        .timeout_ns = side->timeout_ns,
        .body_limit = options->body_limit,
        .receive_bytes_per_s = side->receive_bytes_per_s,
        .head = options->head,
        .keep_seconds = side->hdr_log != NULL,
        .insecure = side->insecure,
        .ca_file = side->ca_file,
        .cpus = side->cpus.items,
        .cpu_count = side->cpus.count,
        .show = show_live,
        .show_context = &live,
    };
    struct raw_result result;
    double start_s = (double)clock_realtime_ns() / 1e9;
    rc = raw_run(&raw, &result, err);
    progress_clear(&live.progress);
    if (rc < 0)
        return rc;
    rc = print_result(side, &raw, &result, start_s, err);
    raw_result_done(&result);
    return rc;
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
            "bad_status as well. All other errors are no requests.\n"
            "\n"
            "'vtax load shop' sends whole shoppers in place of one request.\n",
    .tables = {&load_table, &load_side_table},
    .run = run_load,
};
