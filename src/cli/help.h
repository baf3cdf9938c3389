/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * help: what --help prints, from the tables. All texts are the caller's to free.
 */
#pragma once

#include "cli/command.h"

/* The program: how to start, all commands, global options, exit codes. */
char *help_format_program(const struct command *const *commands);

/* One command with its options. */
char *help_format_command(const struct command *command);

/* The commands whose first word is group. */
char *help_format_group(const struct command *const *commands, const char *group);

/* "-m, --max-blocks N" (letter and value where there are such). */
char *help_format_usage(const struct option *option);

/* The sentence, the words that may stand, and the default. */
char *help_format_meaning(const struct option *option);
