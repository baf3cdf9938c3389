/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * text: the table of --batch.
 */
#pragma once

#include "base/strbuf.h"
#include "top/model.h"

/* With a line for the time, one for each machine and, below, each reason for which figures of the
 * table are missing. width: of the terminal. */
void text_add(const struct top *top, const struct snapshot *snapshot, int width, bool unicode,
              struct strbuf *out);

/* text fitted to a width, made harmless; to the right when it is a number. */
void text_add_cell(struct strbuf *out, const char *text, int width, bool right, bool unicode);

/* Which values are missing in which rows, and why: one line for each reason, the caller's to free.
 */
struct text_gaps {
    struct text_gap {
        const char *reason;
        bool values[VALUE_COUNT];
        size_t rows; /* machines */
        const struct top_row *first;
    } * items;
    size_t count, capacity;
};
void text_find_gaps(const struct top *top, struct text_gaps *out_gaps);
