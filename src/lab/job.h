/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * job: the two disks that a run gives to the emulated server, made by mke2fs from directories: no
 * mount, no loop device, no privilege.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/progress.h"
#include "image/image.h"

/* On the job disk, which is mounted at /job in the server. */
#define JOB_STORE "/data/lab.db"
#define JOB_LOGS "/logs"

/* The cached disk with this guest image, made when it is missing; the caller's to free. */
int job_find_guest_disk(const struct image *image, struct progress *progress, char **out_path,
                        struct error *err) __attribute__((warn_unused_result));

struct job_options {
    const char *directory;        /* of the run: job.raw is made in it */
    const char *plan_text;        /* NULL: no job, a shell */
    bool record;                  /* leave kernels' symbols in RECORDING_JOB (lab/recording.h) */
    const char *const *arguments; /* NULL-terminated; NULL: none */
    const char *uncounted;        /* why the emulator does not count; NULL: it does */
    const char *const *command;   /* of vtax, in place of a campaign; NULL: none */
};

/* The disk with the vtax that is running, its plan and arguments, and room for results and the
 * guests' disks. */
int job_make_disk(const struct job_options *options, char **out_path, struct error *err)
    __attribute__((warn_unused_result));
