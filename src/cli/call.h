/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * call: the words of a command line -> a command with its options and operands.
 *
 *   vtax [GLOBAL OPTION]... COMMAND [OPTION | OPERAND]... [-- OPERAND...]
 *
 * Long options are --NAME VALUE, --NAME=VALUE, --FLAG and --no-FLAG; letters are -lVALUE, -l VALUE
 * and -abc for flags. Global options may stand anywhere. An option that is no list may be given
 * once.
 */
#pragma once

#include <stdbool.h>

#include "cli/command.h"

/* What every command takes. */
struct call_globals {
    bool help;
    bool version;
    bool verbose;
    bool debug;
    bool quiet;
};

extern const struct option_table call_global_table;

struct call_line {
    struct call_globals globals;
    /* The words of the command, or of the group of commands ("plan"); "" when there are none. */
    char topic[64];
    /* command is NULL with --help and --version where they stand without one. */
    struct command_call call;
};

/* argv[0] is the program and is skipped. On failure (ERROR_USAGE) *out_line holds nothing. */
int call_parse(const struct command *const *commands, int argc, char *const *argv,
               struct call_line *out_line, struct error *err) __attribute__((warn_unused_result));

void call_done(struct call_line *line);

/* Makes an error of option_parse() or the like one about --NAME. Returns its code. */
int call_locate(const struct option *option, struct error *err);

/* The command of this name, words separated by one space; NULL: none. */
const struct command *call_find_command(const struct command *const *commands, const char *name);
