/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/load_side.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

/* In the order of enum loop_kind. */
static const char *const loop_words[] = {"auto", "io_uring", "epoll", NULL};

static const struct option options[] = {
    {"threads", 't', OPTION_COUNT, offsetof(struct load_side, threads), "N", .fallback = "1",
     .min = 1, .max = 256, .help = "Threads, among which the connections are shared out."},
    {"cpus", 0, OPTION_CPUS, offsetof(struct load_side, cpus), "LIST",
     .help = "Pin the threads to these CPUs, in turn."},
    {"timeout", 0, OPTION_DURATION, offsetof(struct load_side, timeout_ns), "TIME",
     .fallback = "30s", .min = 1e6, .max = 24 * 3600e9,
     .help = "How long to wait for a connection and for a whole response."},
    {"receive-rate", 0, OPTION_SIZE, offsetof(struct load_side, receive_bytes_per_s), "SIZE",
     .min = 1, .max = 0,
     .help = "Receive at most so much a second on each connection, as over a slow line."},
    {"ca-file", 0, OPTION_TEXT, offsetof(struct load_side, ca_file), "FILE",
     .help = "Certificates (PEM) that may have signed the server's; without it those of the "
             "system."},
    {"insecure", 'k', OPTION_FLAG, offsetof(struct load_side, insecure),
     .help = "Do not verify the server's certificate; the result says so."},
    {"loop", 0, OPTION_WORD, offsetof(struct load_side, loop), "WORD", .fallback = "auto",
     .words = loop_words,
     .help = "How the kernel is asked for events; auto takes io_uring where it "
             "is to be had and a thread has 32 connections or more."},
    {"source", 0, OPTION_TEXT, offsetof(struct load_side, source), "ADDRESS",
     .help = "Connect from this local address."},
    {"allow-remote", 0, OPTION_FLAG, offsetof(struct load_side, allow_remote),
     .help = "Allow a target that is not on this machine's loopback. Have its owner's consent."},
    {"namespace", 0, OPTION_TEXT, offsetof(struct load_side, namespace), "FILE",
     .help = "Send from this network namespace, e.g. /run/netns/NAME; its hosts are allowed."},
    {"hdr-log", 0, OPTION_TEXT, offsetof(struct load_side, hdr_log), "FILE",
     .help = "Write a histogram for each second to a log that HdrHistogram's viewers read."},
    {"json", 0, OPTION_FLAG, offsetof(struct load_side, json),
     .help = "Print the result as one line of JSON."},
};

const struct option_table load_side_table = {options, COUNT_OF(options), sizeof(struct load_side),
                                             "Options of the load side"};

int load_side_enter(struct load_side *side, struct error *err)
{
    if (side->insecure && side->ca_file)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "--insecure and --ca-file contradict each other");
    if (!side->namespace)
        return 0;
    return target_enter_namespace(side->namespace, &side->in_namespace, err);
}

int load_side_target(const struct load_side *side, const char *url_text, uint64_t connections,
                     struct target *out_target, struct error *err)
{
    struct url url;
    struct target_options target = {
        .allow_remote = side->allow_remote,
        .in_namespace = side->in_namespace,
        .connections = connections,
        .threads = (uint32_t)side->threads,
        .source = side->source,
    };
    int rc = url_parse(url_text, strlen(url_text), &url, err);
    return rc < 0 ? rc : target_prepare(&url, &target, out_target, err);
}

int load_side_write_log(const struct load_side *side, const struct strbuf *log, struct error *err)
{
    return file_write_atomic(side->hdr_log, log->text, log->length, 0644, err);
}
