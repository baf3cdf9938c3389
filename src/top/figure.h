/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * figure: what is known of a virtual machine, as data. Each figure is a cumulative count; a row of
 * the table says its unit and what it is. A figure that cannot be had carries the reason, and is
 * never 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum figure_id {
    FIGURE_CPU,        /* all threads of the machine, guest code included */
    FIGURE_GUEST,      /* of that, in guest mode */
    FIGURE_WAIT,       /* all threads: runnable, but waiting for a CPU */
    FIGURE_VCPU_RUN,   /* vCPU threads alone */
    FIGURE_VCPU_WAIT,  /* vCPU threads alone: steal as the host knows it */
    FIGURE_STEAL,      /* steal as the guest's kernel counts it, all its CPUs */
    FIGURE_EXITS,      /* world switches from guest to host */
    FIGURE_EXIT_TIME,  /* from exit to entry, halted time included */
    FIGURE_READ,       /* from disks */
    FIGURE_WRITE,      /* to disks */
    FIGURE_RECEIVE,    /* by the guest, from its network cards */
    FIGURE_SEND,       /* by the guest */
    FIGURE_MIGRATIONS, /* of vCPUs from one CPU of the host to another */
    FIGURE_FAULTS,     /* page faults of the machine's process that needed a disk */
    FIGURE_GUEST_INSTRUCTIONS,
    FIGURE_GUEST_CYCLES,
    FIGURE_HOST_INSTRUCTIONS,
    FIGURE_HOST_CYCLES,
    FIGURE_COUNT,
};

enum figure_unit { FIGURE_UNIT_NS, FIGURE_UNIT_BYTES, FIGURE_UNIT_NONE };

struct figure_kind {
    const char *name;   /* key in JSON: "cpu" */
    const char *metric; /* of OpenMetrics, without "vtax_vm_" and "_total": "cpu_seconds" */
    enum figure_unit unit;
    const char *help; /* one sentence without a full stop */
};

extern const struct figure_kind figure_kinds[FIGURE_COUNT];

/* missing: NULL, or why there is no value; a literal, or a text of the one who samples. */
struct figure {
    uint64_t value;
    const char *missing;
};

static inline struct figure figure_of(uint64_t value)
{
    return (struct figure){.value = value};
}

static inline struct figure figure_missing(const char *reason)
{
    return (struct figure){.missing = reason};
}

/* What a figure changes by in a second, in the figure's unit. */
struct rate {
    double value;
    const char *missing;
};

/* The rate between two readings elapsed_ns apart. A figure that is missing in either, has gone
 * back, or no time between them makes a rate that is missing. */
struct rate figure_rate(const struct figure *before, const struct figure *after,
                        uint64_t elapsed_ns);
