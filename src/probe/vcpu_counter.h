/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vcpu_counter: one processor event of one vCPU's thread, counted in guest mode alone or outside of
 * it alone (perf_event_open(2), exclude_host and exclude_guest).
 */
#pragma once

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct vcpu_count {
    uint64_t value;
    uint64_t enabled_ns;
    uint64_t running_ns; /* less than enabled: it had to share the hardware */
};

/* As such a counter is opened. event: with type and config. */
struct perf_event_attr vcpu_counter_attributes(const struct perf_event_attr *event, bool in_guest);
/* event: with type and config. group_fd: of a counter that must have the hardware at the same time;
 * -1: none. A descriptor that the caller closes, or a negative errno. */
int vcpu_counter_open(const struct perf_event_attr *event, bool in_guest, pid_t tid, int group_fd);
/* What a negative errno of that means, and what to do, as the host below root has it ("": the real
 * one). Returns rc. */
int vcpu_counter_refuse(const char *root, const char *name, int rc, struct error *err);
/* 0 or a negative errno. */
int vcpu_counter_read(int fd, struct vcpu_count *out_count) __attribute__((warn_unused_result));
/* What there was between two readings, scaled up from the time that it had the hardware, as perf(1)
 * does; earlier NULL: since it was opened. 0 where it never had it. */
uint64_t vcpu_counter_scale(const struct vcpu_count *earlier, const struct vcpu_count *later);
