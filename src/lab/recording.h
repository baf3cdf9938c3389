/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * recording: a system-wide profile of a run (profile/load.h says what its directory holds). The
 * emulator samples everything by itself (plugin/sample.h); what names what ran is gathered when the
 * run is over: symbols of kernels, which the job left on its disk, and the programs whose code was
 * met, from the disk of the server, the guests' root file system, and this program.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define RECORDING_JOB "/profile" /* on the job disk */

/* Makes the directory, which must be empty or not there. */
int recording_begin(const char *directory, struct error *err) __attribute__((warn_unused_result));

/* Adds sampling to what QEMU's -plugin is told of the counters; *text is NULL when the server's
 * CPUs have none. It stays the caller's to free. */
int recording_add_plugin(const char *directory, uint64_t period, char **text, struct error *err)
    __attribute__((warn_unused_result));

struct recording_sources {
    const char *title;
    const char *run;    /* directory with job.raw */
    const char *server; /* disk of the emulated server: ext4 with blocks of 4 KiB */
    const char *guest;  /* the guests' root file system, a directory */
};

int recording_gather(const char *directory, const struct recording_sources *sources,
                     struct error *err) __attribute__((warn_unused_result));

/* Reads what debugfs prints for `icheck` and `ncheck`: a heading, then lines of a number, a tab and
 * what belongs to it. Calls visit for each line that is that. */
void recording_parse_table(const char *text, size_t length,
                           void (*visit)(uint64_t number, const char *rest, size_t rest_length,
                                         void *context),
                           void *context);
