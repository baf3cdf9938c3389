/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * model: two snapshots -> what is shown, the rows sorted and filtered. Pure.
 */
#pragma once

#include "top/snapshot.h"

/* What a row shows, in the order of the table value_kinds. */
enum value_id {
    VALUE_CPU,         /* CPUs in use */
    VALUE_GUEST,       /* of these in guest mode */
    VALUE_HOST,        /* the rest of these */
    VALUE_WAIT,        /* threads that waited for a CPU, on average */
    VALUE_STEAL_GUEST, /* share of the vCPUs' time that the guest saw taken away */
    VALUE_STEAL_HOST,  /* share of the vCPUs' time for which they waited on the host */
    VALUE_EXITS,       /* per second */
    VALUE_EXIT_TIME,   /* vCPUs that were out of guest mode, on average */
    VALUE_IPC_GUEST,   /* instructions per cycle in guest mode */
    VALUE_IPC_HOST,    /* ... outside of it */
    VALUE_READ,        /* bytes per second */
    VALUE_WRITE,
    VALUE_RECEIVE,
    VALUE_SEND,
    VALUE_MIGRATIONS, /* per second */
    VALUE_FAULTS,
    VALUE_COUNT,
};

enum value_unit { VALUE_CPUS, VALUE_SHARE, VALUE_PER_S, VALUE_BYTES_PER_S, VALUE_RATIO };

struct value_kind {
    const char *name; /* in JSON and for --sort */
    const char *title;
    enum value_unit unit;
    const char *help;
};
extern const struct value_kind value_kinds[VALUE_COUNT];

struct top_reason {
    const struct vm_reason *reason;
    double per_s;
    struct rate time;               /* ns per second */
    uint64_t buckets[EXIT_BUCKETS]; /* of the interval */
};

struct top_vcpu {
    const struct vm_vcpu *vcpu;
    struct rate run, wait, guest; /* CPUs */
    struct rate migrations;       /* per second */
};

struct top_task {
    const struct vm_task *task;
    struct rate run, wait; /* CPUs */
};

struct top_row {
    const struct vm *vm; /* NULL: the host's own processes */
    struct rate values[VALUE_COUNT];
    struct top_reason *reasons; /* the costliest first: by time, else by count */
    size_t reason_count;
    struct top_vcpu *vcpus;
    size_t vcpu_count;
    struct top_task *tasks; /* the busiest first */
    size_t task_count;
};

struct top_options {
    const char *filter; /* a part of the name, kind or UUID; NULL or "": all. The host stays. */
    int sort;           /* enum value_id; SORT_NAME */
    bool reverse;
};
#define SORT_NAME (-1)

struct top {
    struct top_row *rows; /* rows[0] is the host */
    size_t count;
    uint64_t elapsed_ns;
    unsigned cpus;   /* of the host */
    size_t machines; /* found, filtered out or not */
};

/* The first name that is shown for the host's own row. */
#define TOP_HOST_NAME "(host)"
const char *top_name(const struct top_row *row);
const char *top_kind(const struct top_row *row);

/* before: an earlier snapshot. Both must live as long as *out_top. */
void top_compare(const struct snapshot *before, const struct snapshot *after,
                 const struct top_options *options, struct top *out_top);
void top_done(struct top *top);
#define CLEANUP_TOP CLEANUP(top_done)
