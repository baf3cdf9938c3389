/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * program: one run of the program, from the command line to the exit code.
 */
#pragma once

#include "cli/command.h"

/* Parses the command line, sets the log level, runs the command (or shows help), and sees to it
 * that what was printed has arrived. Returns the exit code, or negative with err set. */
int program_run(const struct command *const *commands, int argc, char *const *argv,
                struct error *err) __attribute__((warn_unused_result));

/* The exit code that stands for an error. */
int program_exit_code(const struct error *err);
