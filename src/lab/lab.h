/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lab: a server with hardware virtualization on a host without it. QEMU emulates an AMD-V server,
 * the server runs a real hypervisor, and the vtax under test measures in it. What comes home says
 * where it is from: facts lab.kind = LAB_KIND, lab.hypervisor, lab.image, lab.qemu, lab.cpus,
 * lab.memory. Its counts are real; its seconds say nothing about silicon.
 *
 * A run has a directory of its own below the data directory. It goes away with the run, but for the
 * logs of one that failed or had trials that did, and for results that could not be brought home.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"

#include "lab/counters.h"
#include "lab/hypervisor.h"

#define LAB_LEDGER "ledger" /* in the run's directory, with counters: pmu/ledger.h */
#define LAB_KIND "emulated server"
#define LAB_SILENCE_NS (15 * 60 * NS_PER_S)

/* A system-wide profile of the run. */
struct lab_recording {
    const char *directory; /* empty or not there yet */
    uint64_t period;       /* instructions from one sample of a CPU to the next */
};

struct lab_options {
    const struct hypervisor *hypervisor;
    const char *qemu;      /* another QEMU than the lab's own; NULL */
    const char *mirror;    /* for images that are missing; NULL */
    unsigned cpus;         /* 0: the hypervisor's default, or as many as the host */
    uint64_t memory_bytes; /* 0: the hypervisor's default */
    enum counters counters;
    const char *counters_options;          /* "key=value,..." for the plugin; NULL: none */
    uint64_t boot_timeout_ns;              /* until the server begins to measure */
    uint64_t silence_timeout_ns;           /* then, without a sign of life; 0: LAB_SILENCE_NS */
    const struct lab_recording *recording; /* NULL: none */
    struct progress *progress;
};

struct lab_job {
    const char *plan_text;        /* YAML */
    const char *const *arguments; /* further ones for `vtax run`; NULL-terminated */
    const char *store;            /* where results go; NULL: the default store */
    const char *const *command;   /* lab_run_command()'s */
};

/* Runs the job and takes its campaign over into the store; *out_campaign is its id there, also when
 * the job or the server failed after trials that came home, else 0. What the job prints on standard
 * error appears on ours. -EINTR: the machine is gone, and the trials that were done are in the
 * store. */
int lab_run(const struct lab_options *options, const struct lab_job *job, int64_t *out_campaign,
            struct error *err) __attribute__((warn_unused_result));

/* Runs `vtax COMMAND...` (NULL-terminated) in the server in place of a campaign: nothing is stored.
 * What it prints on standard output becomes *out_text, the caller's to free, whatever its exit
 * code, *out_status; on standard error it appears on ours. With counters, a file "ledger"
 * (pmu/ledger.h) is in the run's directory while it lasts. */
int lab_run_command(const struct lab_options *options, const char *const *command, char **out_text,
                    int *out_status, struct error *err) __attribute__((warn_unused_result));

/* The server with a shell on this terminal; ends when the shell does. */
int lab_shell(const struct lab_options *options, struct error *err)
    __attribute__((warn_unused_result));
