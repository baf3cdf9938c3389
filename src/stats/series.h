/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * series: a table of numbers with named columns, for what was seen second by second or step by
 * step, and its text form: comma-separated values (RFC 4180 without quotes), names in the first
 * line, an empty field for a value that there is not. Pure.
 */
#pragma once

#include <stddef.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define SERIES_COLUMNS_MAX 64
#define SERIES_NAME_MAX 64 /* bytes of a column's name: letters, digits, '_', '-' and '.' */
#define SERIES_ROWS_MAX (1 << 22)

struct series {
    char **names;
    size_t columns;
    double *values; /* row by row; NaN: none */
    size_t rows;
    size_t capacity; /* rows that there is room for */
};

/* names: NULL-terminated, copied. */
void series_init(struct series *series, const char *const *names);
/* One value for each column; an infinite one counts as none. */
void series_add(struct series *series, const double *values);

/* Index of a column, -1: there is none of this name. */
int series_find(const struct series *series, const char *name);
/* NaN where there is none, as for a column of -1. */
double series_value(const struct series *series, size_t row, int column);

void series_format(const struct series *series, struct strbuf *buf);
/* -EBADMSG: not such a table, or beyond the bounds above; *out_series is then untouched. */
int series_parse(const char *text, size_t length, struct series *out_series)
    __attribute__((warn_unused_result));

void series_done(struct series *series);
#define CLEANUP_SERIES CLEANUP(series_done)
