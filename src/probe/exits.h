/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits: what every exit of KVM's virtual CPUs on this host costs, from the tracepoints kvm_exit,
 * kvm_userspace_exit, kvm_entry, kvm_msr and sched_switch: added up in the kernel by small BPF
 * programs (exits_bpf.c), or where that cannot be, from the records of a ring buffer in tracefs by
 * a thread of ours (exits_trace.c), which makes each exit longer and knows no instructions.
 *
 * An exit lasts until the same thread enters again. Its time is divided by where it was spent: on a
 * CPU in the kernel (for HLT: halt polling), on a CPU in user space (device emulation; the way back
 * into KVM counts to it), and off the CPUs (asleep, or waiting for one).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct perf_event_attr;
struct exits_memory;

#define EXITS_BUCKETS 32
/* Of the time: where less was looked at, it is said that sums are estimates. */
#define EXITS_LOOKED_BELOW 0.95
#define EXITS_AFFORDABLE UINT64_MAX

struct exits;

/* Sums since exits_open(), of one process and reason; estimates where not all were looked at. */
struct exits_sum {
    uint64_t count;
    uint64_t kernel_ns;
    uint64_t user_ns;
    uint64_t off_ns;
    /* Of the counter that was asked for, on these threads and outside of guest mode: all from one
     * entry to the next, the world switches and interrupts of the host in it. */
    uint64_t kernel_count;
    uint64_t user_count;
    /* [i]: of these, lasted 2^i .. 2^(i+1)-1 ns; the last has all longer ones as well. */
    uint64_t buckets[EXITS_BUCKETS];
};

struct exits_key {
    uint32_t
        process;  /* 0: of threads that ended before tracefs' reader could ask whose they were */
    uint32_t isa; /* EXIT_ISA_... */
    uint32_t reason;
};

enum exits_source {
    EXITS_ANY, /* the first of these that can be had */
    EXITS_BPF,
    EXITS_TRACEFS,
};

/* The tracepoints that are watched, and the fields of the first. A field may be wider than 4 bytes:
 * its lower 4 are taken. */
struct exits_points {
    const char *exit;   /* "kvm/kvm_exit" */
    const char *reason; /* its fields */
    const char *isa;    /* programs take two bits of it */
    const char *info;   /* NULL: has none */
    /* Where programs find the same without a record (exits_memory.h); NULL: nowhere. */
    const struct exits_memory *(*memory)(void);
    const char *msr;                       /* an MSR is read or written; NULL: nobody tells */
    const char *user;                      /* the thread goes on in user space */
    const char *entry;                     /* back in guest mode */
    const struct perf_event_attr *counter; /* counted, too; NULL: nothing */
    /* Where there are more in a second, so many are looked at, in windows of time that stand for
     * the rest (exits_windows.h; not by tracefs). 0: all are; EXITS_AFFORDABLE: as many as take one
     * percent of a CPU, where there are far more. */
    uint64_t looks_per_s;
    enum exits_source source;
};
extern const struct exits_points exits_of_kvm; /* with the host's instructions */

/* Begins to watch all of KVM on this host. Negative with the reason where that cannot be. */
int exits_open(const struct exits_points *points, struct exits **out_exits, struct error *err)
    __attribute__((warn_unused_result));
/* "bpf" or "tracefs". */
const char *exits_source_name(const struct exits *exits);
/* Why it is not BPF, where that would have been better; NULL: it is, or nobody wanted it. */
const char *exits_without_bpf(const struct exits *exits);
/* Calls found() for each reason of each process (0: of any). */
void exits_each(const struct exits *exits, pid_t process,
                void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                              void *context),
                void *context);
/* Drops what is known of processes that are not wanted, which have ended: their numbers may become
 * others', and there is room again. */
void exits_keep(const struct exits *exits, bool (*is_wanted)(pid_t process, void *context),
                void *context);
/* Exits that are in no sum since a table was full; of tracefs also records of any kind that its
 * buffer had no room for, and the exits that were under way meanwhile. */
uint64_t exits_lost(const struct exits *exits);
/* What that number is of, and why: "exits are in no count: ..." */
const char *exits_lost_means(const struct exits *exits);
/* Why there are no counts, only times; NULL: there are. */
const char *exits_uncounted(const struct exits *exits);
/* Why BPF takes reasons of exits from records, which makes a look dearer; NULL: it does not. */
const char *exits_by_records(const struct exits *exits);
/* What that counter has on all CPUs together, whoever ran there. False: there is none. */
bool exits_count_all(const struct exits *exits, uint64_t *out_count);
/* For how long exits were looked at so far. False: all the time. */
bool exits_looked_ns(const struct exits *exits, uint64_t *out_ns);
struct exits *exits_close(struct exits *exits);
