/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * jit: what tells translation from execution in a QEMU that emulates: its version, the statistics
 * of its translator, where in its address space the code is that it has generated, and samples of
 * where its threads are. Parsers, pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What "info jit" of QEMU's monitor (QMP: x-query-jit) says since the machine was started. */
struct jit_statistics {
    uint64_t code_bytes; /* generated and still there; a flush drops all of it ... */
    uint64_t blocks;     /* ... and all of these */
    uint64_t flushes;
    uint64_t invalidations; /* of blocks whose code was written to */
};

/* 0, or -EBADMSG where one of them is not in the text. */
int jit_parse_statistics(const char *text, size_t length, struct jit_statistics *out_statistics)
    __attribute__((warn_unused_result));

/* Why nobody counts its instructions, from text that begins with the version of QEMU, "7.2.22...";
 * out is for what is made. */
const char *jit_explain_uncounted(const char *text, size_t length, char *out, size_t size);

struct jit_range {
    uint64_t start, end;
};

/* The ranges of the text of /proc/PID/maps that are executable and of no file: generated code. At
 * most `room` are stored; returns how many there are. */
size_t jit_parse_maps(const char *text, size_t length, struct jit_range *out_ranges, size_t room);

struct jit_samples {
    uint64_t generated; /* in generated code */
    uint64_t qemu;      /* in QEMU's own: translator, helpers, memory, and its libraries */
    uint64_t kernel;
    uint64_t lost;
};

/* Adds up records of perf_event_open(2) whose samples are of PERF_SAMPLE_IP alone. Returns how many
 * bytes were whole records. */
size_t jit_add_samples(const void *records, size_t length, const struct jit_range *ranges,
                       size_t range_count, struct jit_samples *samples);
