/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pulse: what the machines' own kernels say of their CPUs, second by second, and what the host sees
 * of them, while something else is measured. Inside a virtual machine the runner writes a line a
 * second into a file; a native instance shares the host's kernel, so that only the CPU time of its
 * processes is its own.
 */
#pragma once

#include <stdint.h>

#include "stats/series.h"
#include "workload/workload.h"

struct pulse;

/* Starts watching in all machines. */
int pulse_start(struct workload_run *run, struct pulse **out_pulse, struct error *err)
    __attribute__((warn_unused_result));
/* To be called about once a second while it is measured: looks at the machines from the host. */
void pulse_beat(struct pulse *pulse);
/* Ends the watching and fetches what was seen. */
int pulse_stop(struct pulse *pulse, struct error *err) __attribute__((warn_unused_result));

/* Mean shares of the machine's CPU time between two moments of clock_monotonic_ns(), from the
 * seconds that lie within or overlap; NaN: not known. */
struct pulse_means {
    double busy;
    double steal;    /* as the guest accounts it */
    double runnable; /* tasks */
    double wait;     /* vCPU threads that waited for one of the host's CPUs, of all their time */
};
struct pulse_means pulse_mean(const struct pulse *pulse, unsigned machine, uint64_t from_ns,
                              uint64_t to_ns);

/* The table KEPT_MACHINE_SECONDS (docs/shop.md) of one machine, the seconds counted from origin_ns.
 * The caller's to series_done(). */
void pulse_tabulate(const struct pulse *pulse, unsigned machine, uint64_t origin_ns,
                    struct series *out_series);
struct pulse *pulse_free(struct pulse *pulse);
DEFINE_CLEANUP(struct pulse *, pulse_free);

/* One line of what the runner writes: time of its own clock since it began, and CPU time in ticks
 * since the machine booted. Pure. false: it is not one. */
struct pulse_reading {
    uint64_t elapsed_ns;
    unsigned runnable;
    double load;
    uint64_t busy;   /* user, nice, system, interrupts */
    uint64_t system; /* of it: in the kernel */
    uint64_t idle;   /* waiting for disks as well */
    uint64_t steal;
};
bool pulse_parse(const char *line, struct pulse_reading *out_reading);
