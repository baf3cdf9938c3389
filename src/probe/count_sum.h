/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * count_sum: what several counters of one event say together, and whether it may be believed: one
 * that never had the hardware, or stood still while its virtual CPU ran, says 0 and means nothing.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"
#include "probe/vcpu_counter.h"

/* One counter, between its readings. Zero: not yet read. */
struct count_track {
    struct vcpu_count last;
    uint64_t value; /* scaled up to when it was enabled, since it was opened */
    bool was_read;
};

struct count_sum {
    uint64_t value, enabled_ns, running_ns; /* since they were opened */
    /* Since they were read before; nothing at the first reading. */
    uint64_t moved;
    uint64_t asked_ns;   /* enabled */
    uint64_t starved_ns; /* ... of those that did not have the hardware at any time */
};

/* The counter was read now: adds to the sum what it says. */
void count_sum_add(struct count_sum *sum, struct count_track *track, const struct vcpu_count *now);

/* ran_ns: for how long, at least, there was since the reading before what the event cannot but
 * count; 0: nothing is known of that. NULL: the value is good; else text, which says why there is
 * none. */
const char *count_sum_doubt(const struct count_sum *sum, uint64_t ran_ns, char *text, size_t size);

/* NAME, missing where there is a doubt, and for how long it had the hardware: less than it was
 * enabled for means that it was shared. */
void count_sum_say(const struct count_sum *sum, const char *doubt, int machine, const char *name,
                   struct probe_readings *out);
