/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * builtin: the plans of data/plans, compiled in (embed.sh writes the source).
 */
#pragma once

#include "plan/plan.h"

struct builtin_plan {
    const char *name;
    const char *text;
};

extern const struct builtin_plan builtin_plans[]; /* ends with a NULL name */
