/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * completion: the tables as shell code, for the scripts in completions/ that complete command
 * lines.
 */
#pragma once

#include "base/strbuf.h"
#include "cli/command.h"

/* Words that complete the values of an option, or an operand of this name ("PLAN"). */
struct completion_words {
    const char *name;
    const char *const *words; /* NULL-terminated */
};

/* _vtax_commands: the names of all commands, one a line; _vtax_plans: the words for the operand
 * PLAN; _vtax_command NAME: sets `options` and `operands`; _vtax_value "NAME --OPTION": sets `kind`
 * (file, directory, list or word) and `words`. Both functions fail on what they do not know. words
 * ends with a NULL name. */
void completion_add_bash(struct strbuf *out, const struct command *const *commands,
                         const struct completion_words *words);

/* _vtax_commands: an array of "NAME:SUMMARY"; _vtax_plan_words; _vtax_command NAME: sets the array
 * `specs` for _arguments, or fails. */
void completion_add_zsh(struct strbuf *out, const struct command *const *commands,
                        const struct completion_words *words);
