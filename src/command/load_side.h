/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load_side: the options that both ways to put load on a server have.
 */
#pragma once

#include "base/option.h"
#include "base/strbuf.h"
#include "load/target.h"

struct load_side {
    uint64_t threads;
    uint64_t timeout_ns;
    uint64_t receive_bytes_per_s;
    char *ca_file;
    bool insecure;
    unsigned loop; /* enum loop_kind */
    struct option_counts cpus;
    char *source;
    bool allow_remote;
    char *namespace;
    char *hdr_log;
    bool json;
    bool in_namespace; /* no option: set by load_side_enter() */
};

extern const struct option_table load_side_table;

/* Checks what contradicts itself, and enters the namespace. */
int load_side_enter(struct load_side *side, struct error *err) __attribute__((warn_unused_result));

/* A target for so many connections. */
int load_side_target(const struct load_side *side, const char *url, uint64_t connections,
                     struct target *out_target, struct error *err)
    __attribute__((warn_unused_result));

/* Writes a log to the file of --hdr-log. */
int load_side_write_log(const struct load_side *side, const struct strbuf *log, struct error *err)
    __attribute__((warn_unused_result));
