/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * thread_counts: processor events of chosen threads, from one counter on each CPU, whoever runs. A
 * BPF program at the scheduler's switches charges what a CPU's counter moved to the thread that
 * leaves it. Counters of the threads' own say the same, but the kernel takes them off the hardware
 * and puts others on it at each switch, with all counters stopped meanwhile: in the lab that was
 * 10,000 instructions for each halt of a guest, as many as KVM's own, which nobody counts.
 *
 * Threads belong to slots, and a slot has one sum for each event. They may be watched, and end, at
 * any time; what they did stays in their slot.
 */
#pragma once

#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "probe/vcpu_counter.h"

#define THREAD_COUNTS_EVENTS_MAX 16

#define THREAD_COUNTS_NO_SLOT 0x7fffffff

struct thread_counts;

struct thread_counts_options {
    const struct perf_event_attr *events; /* complete but for size and read_format; not inherited */
    size_t count;
    size_t group; /* so many one after another have the hardware at the same times; 0: each alone */
    unsigned slots;
};

/* Needs root in the host's PID namespace and tracefs, -EACCES, and Linux 5.10. -EOPNOTSUPP,
 * -ENOENT, -ENODEV: there is no such event; else what the kernel refuses. */
int thread_counts_open(const struct thread_counts_options *options,
                       struct thread_counts **out_counts, struct error *err)
    __attribute__((warn_unused_result));
void thread_counts_close(struct thread_counts *counts);

/* From the next thread_counts_update() on, or from when it gets a CPU next, until it ends, what the
 * thread does belongs to the slot; and what threads do that it starts, to heir_slot,
 * THREAD_COUNTS_NO_SLOT: to none. -ESRCH, without a text: it has ended. */
int thread_counts_watch(struct thread_counts *counts, pid_t tid, unsigned slot, unsigned heir_slot,
                        struct error *err) __attribute__((warn_unused_result));
/* Before its end; what it does from now on belongs to no slot. */
void thread_counts_unwatch(struct thread_counts *counts, pid_t tid);

/* Charges threads that are on a CPU with what they have done until now. */
int thread_counts_update(const struct thread_counts *counts) __attribute__((warn_unused_result));

/* Since the threads are watched, as of their last switch or update. Enabled: while they ran. */
int thread_counts_read(const struct thread_counts *counts, unsigned slot, size_t event,
                       struct vcpu_count *out_count) __attribute__((warn_unused_result));

/* Readings of a CPU's counter that failed: the sums are wrong unless there are none. */
uint64_t thread_counts_lost(const struct thread_counts *counts);
