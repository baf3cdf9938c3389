/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * column: how values look in a table for people, on a terminal and in batch.
 */
#pragma once

#include "top/model.h"

#define COLUMN_TEXT_MAX 24

/* "-" where it is missing. Percent of one CPU and of vCPUs' time without a sign: "153", "0.4";
 * counts and bytes with prefixes: "12.3k". */
const char *column_format(const struct rate *rate, enum value_unit unit,
                          char text[COLUMN_TEXT_MAX]);

#define COLUMN_REASONS_MAX 128
/* The three worst reasons: "io 12.1k/s 3%, halt 400/s 80%": how often, and for how much of one
 * CPU's time where that is known. */
const char *column_format_reasons(const struct top_row *row, char text[COLUMN_REASONS_MAX]);

/* The columns that fit: names, kinds and vCPUs first, then as many of a fixed order as there is
 * room, which the reasons, at the end, take the rest of. */
struct column_layout {
    int name_width;
    enum value_id values[VALUE_COUNT];
    size_t count;
    int reasons_width; /* 0: no room */
};
#define COLUMN_KIND_WIDTH 5
#define COLUMN_VCPUS_WIDTH 3
#define COLUMN_VALUE_WIDTH 7
void column_lay_out(const struct top *top, int width, struct column_layout *out_layout);
