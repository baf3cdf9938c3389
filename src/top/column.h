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
/* The three worst reasons, or as many as fit whole into this width, but always one: "io 12.1k 3.0%,
 * halt 400 80%": how many a second, and for how much of one CPU's time where that is known. */
const char *column_format_reasons(const struct top_row *row, int width,
                                  char text[COLUMN_REASONS_MAX]);

/* The columns that fit: name, kind and vCPUs, then values, then the reasons, which take the rest.
 * From the left as many values as the user has scrolled over are left out; before that, where not
 * all fit, the important ones are shown. */
struct column_layout {
    int name_width;
    enum value_id values[VALUE_COUNT];
    size_t count;
    bool is_cut;       /* some that the user has not scrolled over are left out */
    int reasons_width; /* 0: no room */
};
#define COLUMN_KIND_WIDTH 5
#define COLUMN_VCPUS_WIDTH 3
#define COLUMN_VALUE_WIDTH 7
/* skipped: values that were scrolled over, at most VALUE_COUNT. */
void column_lay_out(const struct top *top, int width, size_t skipped,
                    struct column_layout *out_layout);
