/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * all_cpus: one event of perf_event_open(2), whoever runs, on each CPU of the host.
 */
#pragma once

#include <linux/perf_event.h>
#include <stddef.h>

struct all_cpus {
    struct cpu_counter {
        unsigned cpu;
        int fd;
    } * items;
    size_t count;
};

/* All CPUs that are on line, or none: -ENODEV where there is no such event on any, else what the
 * kernel says of the first that refuses. leaders: another event, which has the hardware at the same
 * times; NULL: none. */
int all_cpus_open(const struct perf_event_attr *attributes, const struct all_cpus *leaders,
                  struct all_cpus *out_cpus) __attribute__((warn_unused_result));
void all_cpus_close(struct all_cpus *cpus);
