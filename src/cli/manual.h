/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * manual: parts of the manual pages that come from the tables, as scdoc reads them. All texts are
 * the caller's to free.
 */
#pragma once

#include "base/strbuf.h"
#include "cli/command.h"

/* A definition list: each option and what it means. */
void manual_add_options(struct strbuf *out, const struct option_table *table);

/* "*vtax plan show* [_OPTION_]... _PLAN_", the command's help, and its own options. Options of
 * `elsewhere` (NULL: none) are left out: the text refers to them. */
void manual_add_command(struct strbuf *out, const struct command *command,
                        const struct option_table *elsewhere);

/* A settings list: as in plan files, "*input*: _SIZE_". */
void manual_add_settings(struct strbuf *out, const struct option_table *table);

/* Text with what scdoc takes for markup escaped. */
void manual_add_text(struct strbuf *out, const char *text);
