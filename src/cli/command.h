/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * command: a subcommand of the program as data. Each lives in command/NAME.c, which ends with its
 * const struct; command/list.c holds the one explicit array. Parsing, --help, manuals and shell
 * completion read these structs.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/option.h"

#define COMMAND_TABLES_MAX 3

struct command_call {
    const struct command *command;
    void *options[COMMAND_TABLES_MAX]; /* one parsed struct for each of command->tables */
    /* Options of the tables that were given on the command line, in order: for overrides. A list
     * option that was given several times is here once, with its texts joined by commas, unless it
     * is one of whole texts. */
    const struct option **given;
    char **given_texts;
    size_t given_count;
    char **arguments; /* what is left: operands */
    size_t argument_count;
};

struct command {
    const char *name;     /* "run", or "plan show" for a subcommand of two words */
    const char *operands; /* "[PLAN]"; NULL: none */
    const char *summary;  /* one line for the list of commands, without a full stop */
    /* A few paragraphs: what it does, an example. Lines of at most 79 columns; those that start
     * with two spaces are shown as they are. NULL: none. */
    const char *help;
    const struct option_table *tables[COMMAND_TABLES_MAX]; /* unused ones NULL */
    size_t operand_min;
    size_t operand_max;
    /* Returns the exit code 0 when good, or 1 where a comparison or check came out bad; negative
     * with err set otherwise: main prints err once and maps err->kind to the exit code. */
    int (*run)(const struct command_call *call, struct error *err);
};
