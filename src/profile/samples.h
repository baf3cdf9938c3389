/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * samples: a file of samples (profile/format.h) in memory.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "profile/format.h"

struct samples_item {
    struct profile_sample sample;
    unsigned caller_count;
    struct profile_caller callers[PROFILE_CALLERS_MAX];
};

struct samples {
    uint64_t period; /* instructions, > 0 */
    unsigned vcpus;
    struct samples_item *items; /* those of one vCPU in the order of its time */
    size_t count, capacity;
    struct profile_vm *vms; /* all that was told, in the file's order */
    size_t vm_count, vm_capacity;
    struct profile_total *totals;
    size_t total_count, total_capacity;
    bool is_cut; /* the writer was killed */
};

/* -EBADMSG when it is no file of samples, or one of another version, or damaged. Release with
 * samples_done(). */
int samples_parse(const void *bytes, size_t length, struct samples *out_samples, struct error *err)
    __attribute__((warn_unused_result));
void samples_done(struct samples *samples);
#define CLEANUP_SAMPLES CLEANUP(samples_done)
