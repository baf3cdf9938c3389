/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_code: the BPF programs that add exits up (exits_bpf.c loads and attaches them), put
 * together for the running kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/bpf_code.h"
#include "probe/exits.h"

enum {
    EXITS_AT_EXIT,
    EXITS_AT_USER,
    EXITS_AT_SWITCH,
    EXITS_AT_ENTRY,
    EXITS_AT_MSR,
    EXITS_PROGRAMS
};
/* Threads, by number; sums, by struct exits_key; numbers; counters, by CPU. */
enum {
    EXITS_MAP_THREADS,
    EXITS_MAP_SUMS,
    EXITS_MAP_NUMBERS,
    EXITS_MAP_COUNTERS,
    EXITS_MAPS,
};
/* Exits that found no room, readings of a counter that failed, exits, until when they count (ns of
 * the monotonic clock), entries that the programs made in the two tables. */
enum {
    EXITS_LOST,
    EXITS_COUNTS_LOST,
    EXITS_SEEN,
    EXITS_UNTIL,
    EXITS_THREADS_MADE,
    EXITS_SUMS_MADE,
    EXITS_NUMBERS,
};

/* What a virtual CPU's thread is doing; unknown: what it was doing when nobody looked any more. */
enum exits_phase { EXITS_IN_GUEST, EXITS_IN_KERNEL, EXITS_IN_USER, EXITS_IN_UNKNOWN };

struct exits_thread {
    uint64_t mark_ns; /* since when what it does now */
    uint64_t exit_ns;
    uint64_t kernel_ns;
    uint64_t user_ns;
    uint64_t off_ns;
    uint64_t mark_count; /* of the counter; guest mode does not move it */
    uint64_t kernel_count;
    uint64_t user_count;
    uint32_t phase;
    struct exits_key key;
    uint32_t is_for_apic; /* its next exit, of which KVM told before */
};

/* What the programs are made for. */
struct exits_code_for {
    int maps[EXITS_MAPS];
    bool counts; /* a counter, on every CPU */
    /* Exits are a number of their own, and those that end after EXITS_UNTIL do not count. */
    bool has_windows;
};

/* Where the tracepoints' fields lie. */
struct exits_offsets {
    int reason;
    int isa;
    int info; /* -1: absent */
    int previous;
    int next;
    int msr;
};

/* which: EXITS_AT_... */
void exits_code_make(unsigned which, struct bpf_code *code, const struct exits_code_for *exits,
                     const struct exits_offsets *at);
