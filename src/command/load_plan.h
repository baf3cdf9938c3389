/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load_plan: the plan that a command line means: a built-in one or a file, with what options
 * change.
 */
#pragma once

#include "cli/command.h"
#include "plan/plan.h"

/* name: a built-in plan, a file (with a '.' or '/' in it), or "-" for standard input. Checked by
 * plan_check(). The options of plan_option_table that the call was given override its keys. */
int load_plan(const struct command_call *call, const char *name,
              const struct plan_vocabulary *vocabulary, struct plan **out_plan, struct error *err)
    __attribute__((warn_unused_result));
