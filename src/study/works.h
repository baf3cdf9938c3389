/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * works: the works of a comparison of counter designs, done in the emulated server: guests are
 * booted, and the ledger tells what each work cost and what was true.
 */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "plan/plan.h"
#include "study/measure.h"

struct works_options {
    const char *platform; /* of the guests: "kvm" */
    unsigned design;      /* index into measure_designs; what this server has */
    unsigned vms;         /* 1 .. this many */
    unsigned times;
    unsigned works; /* bit i: measure_works[i] is done */
    const struct plan_vocabulary *vocabulary;
};

/* Writes a line for each measure to out as they come. */
int works_run(const struct works_options *options, FILE *out, struct error *err)
    __attribute__((warn_unused_result));
