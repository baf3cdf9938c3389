/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * trace_instance: a ring buffer of our own in tracefs (Documentation/trace/ftrace.rst,
 * "Instances"), beside those of others, which are left alone. It is named after the process that
 * made it, so that one whose maker was killed is known and removed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct trace_instance;

struct trace_instance_options {
    const char *root;          /* of tracefs */
    const char *const *events; /* "kvm/kvm_exit"; to be switched on */
    size_t event_count;
    size_t buffer_bytes; /* of each CPU */
};

/* Makes it and begins to record, with time stamps of CLOCK_MONOTONIC. */
int trace_instance_open(const struct trace_instance_options *options,
                        struct trace_instance **out_instance, struct error *err)
    __attribute__((warn_unused_result));
/* The header of its pages: text of events/header_page. */
int trace_instance_read_header(const struct trace_instance *instance, char **out_text,
                               size_t *out_length, struct error *err)
    __attribute__((warn_unused_result));
size_t trace_instance_cpus(const struct trace_instance *instance);
/* The next page of a CPU's records, at most `bytes`, without waiting; it is gone from the buffer
 * then. Returns how much was read, 0 when there is nothing, or a negative errno. */
int trace_instance_read(const struct trace_instance *instance, size_t cpu, void *page, size_t bytes)
    __attribute__((warn_unused_result));
/* Records that were lost, of all CPUs together. */
uint64_t trace_instance_lost(const struct trace_instance *instance);
struct trace_instance *trace_instance_close(struct trace_instance *instance);

/* Removes those whose makers have ended. */
void trace_instance_sweep(const char *root);
