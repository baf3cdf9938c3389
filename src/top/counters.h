/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters: instructions and cycles of the vCPUs of KVM's machines by the processor's counters,
 * guest and host apart: of the CPUs, charged to the threads (probe/thread_counts.h), or, where that
 * cannot be had, of the threads, which is dearer. They are not used where a known loop shows that
 * they lie.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "probe/vcpu_counter.h"
#include "top/figure.h"
#include "top/snapshot.h"

/* In the order of FIGURE_GUEST_INSTRUCTIONS to FIGURE_HOST_CYCLES. */
#define COUNTERS_PER_THREAD (FIGURE_HOST_CYCLES - FIGURE_GUEST_INSTRUCTIONS + 1)

/* Of one vCPU's thread. */
struct thread_counters {
    unsigned watched; /* in which opening of the CPUs' counters; 0: in none */
    bool is_open;     /* it has its own: */
    int fds[COUNTERS_PER_THREAD];
    struct vcpu_count last[COUNTERS_PER_THREAD];
};

/* Of a machine, threads that have ended included. */
struct counter_sums {
    uint64_t values[COUNTERS_PER_THREAD];
    uint64_t enabled_ns[COUNTERS_PER_THREAD], running_ns[COUNTERS_PER_THREAD];
};

/* Of a machine. */
struct vm_counters {
    struct counter_sums sums;
    unsigned opening; /* of the CPUs' counters, in which it has the slot; 0: it has none */
    unsigned slot;
    struct vcpu_count last[COUNTERS_PER_THREAD]; /* of the slot */
};

struct counters;
struct vm_process;

/* Tries whether the counters of this host count right; where not, each reading says so. events:
 * NULL; or in the place of instructions and cycles two others, which are not tried. */
struct counters *counters_open(const struct perf_event_attr events[2]);
/* A reading of all machines begins: counts are brought up to now. */
void counters_begin(struct counters *counters);
/* Sets the four figures of a machine whose process and threads were read. */
void counters_read(struct counters *counters, struct vm_process *process, struct vm *vm);
/* The machine is looked at no more. With the last one the CPUs' counters are closed. */
void counters_forget(struct counters *counters, struct vm_process *process);
/* The reading is over: notes what is to be said of all machines. */
void counters_end(struct counters *counters, struct snapshot *snapshot);
struct counters *counters_close(struct counters *counters);

/* Takes one counter's new reading into the machine's sums, scaled up where it had to share the
 * hardware. Pure. */
void counters_add(struct counter_sums *sums, size_t which, struct vcpu_count *last,
                  const struct vcpu_count *now);
/* Was it asked for between two readings, and did not have the hardware at any time? Then that its
 * value is the same means nothing. */
bool counters_are_starved(const struct counter_sums *before, const struct counter_sums *after,
                          size_t which);
void thread_counters_close(struct thread_counters *counters);
