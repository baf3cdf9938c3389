/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counter_check: do the performance counters here count, and count right? A virtual PMU may report
 * itself working and stand still, or count something else: a known loop is run and what the
 * counters say of it is compared with what it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define COUNTER_CHECK_SHARE                                                                        \
    0.001                         /* by which a count may be off, interrupts and the calls around  \
                                   */
#define COUNTER_CHECK_CALLS 20000 /* instructions of the calls around the loop */

/* One event over the loop, in user mode. */
struct counter_sample {
    const char *event;
    int refused;       /* negative errno of opening it; 0: it is there */
    uint64_t expected; /* what the loop has of it; 0: only that it moves is known */
    uint64_t count;
    uint64_t enabled_ns;
    uint64_t running_ns; /* less than enabled: it had to share the hardware */
};

enum counter_verdict {
    COUNTER_GOOD,
    COUNTER_ABSENT,      /* there is none, or not for us */
    COUNTER_STANDS,      /* says that it runs and counts nothing */
    COUNTER_WRONG,       /* counts, and wrong */
    COUNTER_STARVED,     /* never got the hardware */
    COUNTER_MULTIPLEXED, /* right, scaled from the time that it had */
};

/* Pure. What to think of it; text says it in one line, with figures. */
enum counter_verdict counter_judge(const struct counter_sample *sample, char *text, size_t size);

#define COUNTER_EVENTS 4
/* Runs the loop with instructions, branches, cycles and branch misses counted. The loop takes some
 * 10 ms. Fills out_samples; where the architecture has no known loop every event is refused with
 * -ENOTSUP. Returns the time for which others had the CPU meanwhile, in nanoseconds. */
uint64_t counter_check_run(struct counter_sample out_samples[COUNTER_EVENTS]);

/* 0 when a count of instructions may be believed here; negative with what is wrong with it. */
int counter_check_trust(struct error *err) __attribute__((warn_unused_result));
