/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * works: the works of a comparison of counter designs, done in the emulated server: guests are
 * booted, and the ledger tells what each work cost.
 *
 * What guests should have counted is the length of a loop, which is known, and what their perf
 * counted beside a loop of another length, in the same design: a count that is too high by the same
 * in every run does not show. The ledger cannot stand in for it, which knows VMs and no programs.
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
