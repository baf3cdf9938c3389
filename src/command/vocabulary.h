/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vocabulary: the platforms and workloads that plans may name, from the arrays of the back-ends.
 */
#pragma once

#include "plan/plan.h"

#define VOCABULARY_MAX 32 /* platforms, and workloads */

struct vocabulary {
    struct plan_vocabulary plan; /* points into this object: do not copy */
    const struct plan_kind *platforms[VOCABULARY_MAX + 1];
    const struct plan_kind *workloads[VOCABULARY_MAX + 1];
};

void vocabulary_init(struct vocabulary *vocabulary);
