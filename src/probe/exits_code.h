/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_code: the BPF programs that add exits up (exits_bpf.c loads and attaches them), put
 * together for the running kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/bpf_code.h"
#include "probe/exits_table.h"

enum {
    EXITS_AT_EXIT,
    EXITS_AT_USER,
    EXITS_AT_SWITCH,
    EXITS_AT_ENTRY,
    EXITS_AT_MSR,
    EXITS_PROGRAMS
};
/* The two tables, by bucket, and their lists; struct exits_numbers; counters, by CPU. */
enum {
    EXITS_MAP_THREADS,
    EXITS_MAP_SUMS,
    EXITS_MAP_THREAD_LIST,
    EXITS_MAP_SUM_LIST,
    EXITS_MAP_NUMBERS,
    EXITS_MAP_COUNTERS,
    EXITS_MAPS,
};

struct exits_numbers {
    uint64_t is_on;        /* 0: the programs do nothing */
    uint64_t from_ns;      /* what began before it is not known; at least 1 */
    uint64_t until_ns;     /* exits that end after it do not count */
    uint64_t seen;         /* exits that did */
    uint64_t lost;         /* exits that found no room */
    uint64_t counts_lost;  /* readings of a counter that failed */
    uint64_t threads_made; /* keys in the lists */
    uint64_t sums_made;
};

/* Where a program that gets the tracepoint's arguments, and no record, finds what it needs. */
struct exits_arguments {
    bool tells_exit; /* the reason is in memory that an argument points at */
    int exit;        /* which */
    int pointer_at;  /* in what it points at: of where the rest is; -1: there */
    int reason_at;   /* 4 bytes */
    int info_at;     /* 4 bytes, up to 12 bytes after the reason; -1: absent */
    uint32_t isa;
    int pid_at; /* in a struct task_struct; -1: not known */
};

/* The same in a record. */
struct exits_offsets {
    int reason;
    int isa;
    int info; /* -1: absent */
    int next;
};

/* What the programs are made for. */
struct exits_code_for {
    int maps[EXITS_MAPS];
    bool counts; /* a counter, on every CPU */
    struct exits_arguments arguments;
    struct exits_offsets record;
};

/* Whether that program goes without a record. which: EXITS_AT_... */
bool exits_code_is_raw(unsigned which, const struct exits_code_for *exits);
void exits_code_make(unsigned which, struct bpf_code *code, const struct exits_code_for *exits);
