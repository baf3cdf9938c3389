/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/count_sum.h"

#include <stdio.h>

#include "base/clock.h"

/* Of the time that counters were asked for, what may be without any of them: scaling, which
 * supposes that the rest is like what was seen, is no closer. */
#define STARVED_SHARE 0.01

void count_sum_add(struct count_sum *sum, struct count_track *track, const struct vcpu_count *now)
{
    uint64_t moved = vcpu_counter_scale(&track->last, now);
    track->value += moved;
    sum->value += track->value;
    sum->enabled_ns += now->enabled_ns;
    sum->running_ns += now->running_ns;
    if (track->was_read) {
        uint64_t asked_ns = now->enabled_ns - track->last.enabled_ns;
        sum->moved += moved;
        sum->asked_ns += asked_ns;
        sum->starved_ns += now->running_ns == track->last.running_ns ? asked_ns : 0;
    }
    track->last = *now;
    track->was_read = true;
}

const char *count_sum_doubt(const struct count_sum *sum, uint64_t ran_ns, char *text, size_t size)
{
    double starved_ns = (double)sum->starved_ns, asked_ns = (double)sum->asked_ns;
    if (starved_ns > STARVED_SHARE * asked_ns) {
        snprintf(text, size,
                 "starved: for %.0f %% of the time that it was asked for something else held the "
                 "hardware, and it never ran",
                 100 * starved_ns / asked_ns);
        return text;
    }
    if (sum->moved == 0 && ran_ns > 0) {
        snprintf(text, size,
                 "it stood still while virtual CPUs ran for %.0f ms in guest mode: guests are not "
                 "counted here",
                 (double)ran_ns / NS_PER_MS);
        return text;
    }
    return NULL;
}

void count_sum_say(const struct count_sum *sum, const char *doubt, int machine, const char *name,
                   struct probe_readings *out)
{
    if (doubt)
        probe_readings_miss(out, machine, name, "%s", doubt);
    else
        probe_readings_add(out, machine, sum->value, "%s", name);
    probe_readings_add(out, machine, sum->enabled_ns, "%s:enabled_ns", name);
    probe_readings_add(out, machine, sum->running_ns, "%s:running_ns", name);
}
