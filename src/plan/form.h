/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * form: a plan that is being made. The struct plan that others see, and the words behind those of
 * its fields that are no plain values. plan_option_table describes this struct.
 */
#pragma once

#include "plan/entry.h"
#include "plan/plan.h"

enum form_key {
    FORM_NAME,
    FORM_PLATFORMS,
    FORM_BASELINE,
    FORM_VMS,
    FORM_VCPUS,
    FORM_MEMORY,
    FORM_WORKLOADS,
    FORM_BLOCKS,
    FORM_UNTIL_CI,
    FORM_UNTIL_MAX_BLOCKS,
    FORM_UNTIL_BUDGET,
    FORM_SEED,
    FORM_PLACEMENT_VMS,
    FORM_PLACEMENT_LOAD,
    FORM_PLACEMENT_EMULATOR,
    FORM_PLACEMENT_NUMA_NODE,
    FORM_PROBES,
    FORM_EVENTS,
    FORM_IMAGE,
    FORM_ROOT,
    FORM_SET,
    FORM_KEY_COUNT,
};

struct plan_form {
    struct plan plan; /* first: a struct plan * is one to its form */
    struct option_texts platforms;
    struct option_texts workloads;
    char *baseline; /* NULL: native */
    struct option_texts settings;
    char *file;                     /* what plan_parse() was told */
    unsigned lines[FORM_KEY_COUNT]; /* where each key stands in it; 0: nowhere, or overridden */
};

struct plan_form *form_new(void);
struct plan_form *form_of(struct plan *plan);

/* Sets a key from its text form, with all that follows from it. */
int form_set(struct plan_form *form, enum form_key key, const char *text,
             const struct plan_vocabulary *vocabulary, struct error *err)
    __attribute__((warn_unused_result));

/* Finds the baseline among the platforms; plan.baseline is PLAN_NO_BASELINE when it is not there.
 */
void form_find_baseline(struct plan_form *form);

/* Where a key stands in a plan file: "until" and "ci" for until-ci; NULL and "seed" for seed. */
struct form_place {
    const char *map; /* NULL: at the top */
    const char *key;
};
struct form_place form_place(enum form_key key);

/* The maps that plan files have at the top beside plain keys, NULL-terminated. */
extern const char *const form_maps[];
