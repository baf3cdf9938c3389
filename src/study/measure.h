/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * measure: what one work on one design of counters cost, as one line of text:
 *
 *     measure design=hardware work=stat vms=2 repeat=0 machine=N guests=N ...
 *     failed design=hardware work=stat vms=2 repeat=1 cause=TEXT TO THE END OF THE LINE
 *
 * The server prints such lines, and they are what is kept of a comparison. A value that a design
 * cannot give is left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum measure_work {
    WORK_IDLE,   /* nothing, for two seconds of the server's time */
    WORK_BZIP2,  /* compression of a made text */
    WORK_EXITS,  /* a loop over CPUID, which always exits */
    WORK_LOOP,   /* a known loop that nobody counts: what the next three are compared with */
    WORK_STAT,   /* the same under the guest's perf stat */
    WORK_RECORD, /* under its perf record */
    WORK_HOST,   /* under its perf stat, and the server's beside */
    WORK_COUNT
};

enum measure_value {
    MEASURE_MACHINE,        /* instructions of the hypervisor and all VMs */
    MEASURE_GUESTS,         /* of the VMs alone */
    MEASURE_EXITS,          /* world switches */
    MEASURE_BUSY_EXITS,     /* without those for HLT, after which other things run */
    MEASURE_SPENT,          /* instructions of the hypervisor because of busy exits */
    MEASURE_ACCESSES,       /* by the hypervisor, to registers of the PMU */
    MEASURE_GUEST_ACCESSES, /* by guests, without an exit */
    MEASURE_WANTED,         /* instructions that the guests' counters should have shown (works.h) */
    MEASURE_COUNTED,        /* that they showed */
    MEASURE_DUE,            /* samples that there should have been */
    MEASURE_SAMPLES,        /* that there were */
    MEASURE_HOST_OWN,       /* instructions of itself that the server's perf stat counted */
    MEASURE_HOST_ALL,       /* of itself and of guests */
    MEASURE_VALUES
};

#define MEASURE_UNKNOWN UINT64_MAX
#define MEASURE_VMS_MAX 4
#define MEASURE_CAUSE_MAX 256

struct measure {
    unsigned design; /* enum counters' word, index into measure_designs */
    unsigned work;
    unsigned vms, repeat;
    uint64_t values[MEASURE_VALUES];
    char cause[MEASURE_CAUSE_MAX]; /* why it failed; "": it did not */
};

enum { MEASURE_DESIGNS = 4 };
extern const char *const measure_designs[MEASURE_DESIGNS + 1]; /* "none", ...; NULL-terminated */
extern const char *const measure_works[WORK_COUNT + 1];
extern const char *const measure_names[MEASURE_VALUES]; /* "machine", ... */

/* All values unknown. */
void measure_init(struct measure *measure);
/* What is no printable ASCII becomes a space; what is too long is cut. */
void measure_set_cause(struct measure *measure, const char *cause);
void measure_write(const struct measure *measure, FILE *out);
/* Reads one line from the start of buf (length bytes, any content). Returns the bytes that it takes
 * including the newline, 0 when there is no whole line, -EBADMSG when it is none of ours. */
ssize_t measure_parse(const char *buf, size_t length, struct measure *out_measure)
    __attribute__((warn_unused_result));

struct measures {
    struct measure *items;
    size_t count, room;
};

void measures_add(struct measures *measures, const struct measure *measure);
void measures_done(struct measures *measures);
/* All lines of a text; -EBADMSG, with what was before it read, at one that is none of ours. */
int measures_parse(const char *buf, size_t length, struct measures *measures)
    __attribute__((warn_unused_result));
