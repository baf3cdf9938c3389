/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * trial: one execution of a cell: boot fresh machines, prepare, start on all at one barrier,
 * verify, power off. What comes out is a row for the store, whether it went well or not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "campaign/context.h"
#include "store/store.h"

/* A guest's clock and the host's may differ by this before the trial is `clock-suspect`. */
#define TRIAL_CLOCK_SHARE 0.01
#define TRIAL_CLOCK_NS (50 * UINT64_C(1000000))

struct trial_options {
    const struct plan_cell *cell;
    uint64_t cell_index;
    uint64_t block;
    size_t position;
};

/* Fills *out_trial, which the caller frees with store_trial_done(). A trial that fails is a result:
 * 0 with status and cause set. Negative only when the campaign cannot go on: -EINTR, or the
 * platform could not be opened at all; *out_trial is then untouched. */
int trial_run(struct context *context, const struct trial_options *options,
              struct store_trial *out_trial, struct error *err) __attribute__((warn_unused_result));

/* Do the two durations disagree by more than 1 % + 50 ms? The host's includes a round trip of the
 * control channel, whose length was measured just before, so it may be longer by that much.
 * guest_ns 0 means not taken: false. */
bool trial_clock_is_suspect(uint64_t host_ns, uint64_t guest_ns, uint64_t round_trip_ns);

/* Did no machine of this trial get ready? */
bool trial_failed_to_boot(const struct store_trial *trial);
