/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/builtin.h"

#include <string.h>

const char *plan_find_builtin(const char *name)
{
    for (const struct builtin_plan *plan = builtin_plans; plan->name; plan++)
        if (!strcmp(plan->name, name))
            return plan->text;
    return NULL;
}
