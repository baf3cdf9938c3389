/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lab: a server with hardware virtualization on a host without it. QEMU emulates an AMD-V server,
 * the server runs a real hypervisor, and the vtax under test measures in it. What comes home says
 * where it is from: facts lab.kind = LAB_KIND, lab.hypervisor, lab.image, lab.qemu, lab.cpus,
 * lab.memory. Its counts are real; its seconds say nothing about silicon.
 *
 * A run has a directory of its own below the data directory. It goes away with the run, but for the
 * logs of one that failed and for results that could not be brought home.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"

#include "lab/hypervisor.h"

#define LAB_KIND "emulated server"

struct lab_options {
    const struct hypervisor *hypervisor;
    const char *qemu;         /* another QEMU than the lab's own; NULL */
    const char *mirror;       /* for images that are missing; NULL */
    unsigned cpus;            /* 0: as many as the host, at most what the hypervisor stands */
    uint64_t memory_bytes;    /* 0: the hypervisor's default */
    uint64_t boot_timeout_ns; /* until the server begins to measure */
    struct progress *progress;
};

struct lab_job {
    const char *plan_text;        /* YAML */
    const char *const *arguments; /* further ones for `vtax run`; NULL-terminated */
    const char *store;            /* where results go; NULL: the default store */
};

/* Runs the job and takes its campaign over into the store; *out_campaign is its id there. What the
 * job prints on standard error appears on ours. -EINTR: everything is gone. */
int lab_run(const struct lab_options *options, const struct lab_job *job, int64_t *out_campaign,
            struct error *err) __attribute__((warn_unused_result));

/* The server with a shell on this terminal; ends when the shell does. */
int lab_shell(const struct lab_options *options, struct error *err)
    __attribute__((warn_unused_result));
