/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * layout: text in columns for a terminal that is 80 wide.
 */
#pragma once

#include "base/strbuf.h"

#define LAYOUT_WIDTH 79

/* Adds text broken at spaces. `column` is where the present line stands (characters), `indent`
 * where further lines start. No line end is added. */
void layout_add_wrapped(struct strbuf *out, const char *text, size_t column, size_t indent);

/* Adds "  LEFT      right, wrapped\n" with the right part from `indent` on; it starts on a line of
 * its own where left is too long. */
void layout_add_row(struct strbuf *out, const char *left, const char *right, size_t indent);

/* Characters of a UTF-8 text. */
size_t layout_width(const char *text);
