/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * probe: what is looked at while a trial is measured, and who looks. A probe is one const struct in
 * the visible array `probes`. It is read when the measured part begins and when it ends; what is
 * kept is the difference. Nothing runs in the machine in between. A probe that cannot work here is
 * named with the reason; it is never left out silently.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/option.h"
#include "guest/channel.h"
#include "machine/machine.h"

/* A machine under measurement. */
struct probe_target {
    unsigned index;
    pid_t pid; /* its process on the host; 0: it has none */
    bool is_virtual;
    bool is_kvm;
    bool is_emulated; /* by QEMU, which translates its instructions */
    bool is_virtualbox;
    bool is_fake;
    int domain;              /* Xen's number of it; 0: it is no domain of Xen's */
    struct channel *channel; /* NULL: none */
    struct machine *machine; /* NULL outside of a campaign */
    const struct option_texts
        *events; /* for `counters`, names as event_name.h has them; NULL: none */
};

/* Counters that only grow. Names are "PROBE:WHAT", the unit in the name: "_ns", "_bytes", else a
 * count. */
struct probe_reading {
    int machine; /* -1: all together */
    char *name;
    uint64_t value;
    char *missing; /* NULL: value is good; else why there is none */
};

struct probe_readings {
    struct probe_reading *items;
    size_t count;
    size_t capacity;
};

void probe_readings_add(struct probe_readings *readings, int machine, uint64_t value,
                        const char *name, ...) __attribute__((format(printf, 4, 5)));
void probe_readings_miss(struct probe_readings *readings, int machine, const char *name,
                         const char *reason, ...) __attribute__((format(printf, 4, 5)));
/* NULL: there is none. */
const struct probe_reading *probe_readings_find(const struct probe_readings *readings, int machine,
                                                const char *name);
void probe_readings_done(struct probe_readings *readings);
#define CLEANUP_PROBE_READINGS CLEANUP(probe_readings_done)

/* later - earlier. What is new in the later one began at 0, unless a missing reading of the earlier
 * one has the beginning of its name ("guest", "devices:net"): then it is missing, too. What went
 * back has the reason in place of a value. */
void probe_readings_subtract(const struct probe_readings *later,
                             const struct probe_readings *earlier, struct probe_readings *out);

struct probe {
    const char *name;
    const char *help;
    bool on_request; /* it disturbs: only where it is named */
    /* Negative with the reason why it cannot look at any of these. */
    int (*open)(const struct probe_target *targets, size_t count, void **out_state,
                struct error *err);
    /* What cannot be read of a machine is missing with its reason. */
    void (*read)(void *state, const struct probe_target *target, struct probe_readings *out);
    void (*close)(void *state); /* NULL: nothing to close */
};

extern const struct probe *const probes[]; /* NULL-terminated */

/* Each is a probe; or "none" alone. ERROR_USAGE with the known ones. */
int probe_check_names(const struct option_texts *names, struct error *err)
    __attribute__((warn_unused_result));

/* All probes on the machines of one trial. */
struct probing;

/* Opens what can be opened of the wanted probes (names that probe_check_names() took; NULL: all).
 * targets are copied. */
struct probing *probing_open(const struct probe_target *targets, size_t count,
                             const struct option_texts *wanted);
/* The measured part begins. */
void probing_begin(struct probing *probing);
/* It has ended: what happened in between, "interval_ns" of machine -1, and for each probe "PROBE"
 * of machine -1: on how many machines it looked (value), or why it could not (missing). */
void probing_end(struct probing *probing, struct probe_readings *out);
struct probing *probing_close(struct probing *probing);
