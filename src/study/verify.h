/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * verify: does each kernel see exactly its own counts, and does the hypervisor see all of them?
 * Runs in the emulated server: two guests are booted, known loops run in them and on the server,
 * under the kernels' own counters, and the ledger (pmu/ledger.h) tells what really happened.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/option.h"
#include "plan/plan.h"

struct verify_options {
    const char *platform;       /* of the guests; "kvm": the server has counters as well */
    unsigned times;             /* each exact count is repeated so often */
    unsigned vcpus;             /* of each guest */
    struct option_texts checks; /* of verify_check_names; none: all */
    const struct plan_vocabulary *vocabulary;
};

/* Groups of checks, in the order in which they are made; NULL-terminated. */
extern const char *const verify_check_names[];

/* Writes the table to out as it grows. *out_missed: how many checks failed; one that could not be
 * made is among them. */
int verify_run(const struct verify_options *options, FILE *out, unsigned *out_missed,
               struct error *err) __attribute__((warn_unused_result));
