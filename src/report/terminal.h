/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * terminal: text of unknown origin, made harmless and fitted to 80 columns.
 */
#pragma once

#include "report/report.h"

#define TERMINAL_COLUMNS 80

struct terminal {
    FILE *out;
    const struct report_style *style;
};

#define TERMINAL_PLAIN "\x1b[0m"
#define TERMINAL_BOLD "\x1b[1m"
#define TERMINAL_DIM "\x1b[2m"

/* code where colour is wanted, else "". */
const char *terminal_paint(const struct terminal *terminal, const char *code);
/* Blue and orange differ for every kind of colour blindness; the word is always there too. */
const char *terminal_verdict_colour(const struct terminal *terminal, enum verdict verdict);
void terminal_put(const struct terminal *terminal, const char *text);
/* Cuts to `columns` and fills up with spaces. */
void terminal_put_padded(const struct terminal *terminal, const char *text, int columns);
/* Breaks lines between words and ends with a line end; lines after the first begin with `indent`
 * spaces. used: columns that are taken on the first line. */
void terminal_put_wrapped(const struct terminal *terminal, const char *text, int used, int indent);
void terminal_put_rule(const struct terminal *terminal);
/* share 0..1 of width columns, in eighths where the character set has them. */
void terminal_put_bar(const struct terminal *terminal, double share, int width);
