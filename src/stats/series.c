/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/series.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/units.h"

#define FIELD_MAX 64

void series_init(struct series *series, const char *const *names)
{
    *series = (struct series){0};
    while (names[series->columns])
        series->columns++;
    series->names = mem_array(series->columns, sizeof(series->names[0]));
    for (size_t i = 0; i < series->columns; i++)
        series->names[i] = mem_strdup(names[i]);
}

/* The next row, for the caller to fill. */
static double *grow(struct series *series)
{
    if (series->rows == series->capacity) {
        series->capacity = series->capacity ? series->capacity * 2 : 16;
        series->values = mem_resize_array(series->values, series->capacity,
                                          series->columns * sizeof(series->values[0]));
    }
    return series->values + series->rows++ * series->columns;
}

void series_add(struct series *series, const double *values)
{
    double *row = grow(series);
    for (size_t i = 0; i < series->columns; i++)
        row[i] = isfinite(values[i]) ? values[i] : NAN;
}

int series_find(const struct series *series, const char *name)
{
    for (size_t i = 0; i < series->columns; i++)
        if (strcmp(series->names[i], name) == 0)
            return (int)i;
    return -1;
}

double series_value(const struct series *series, size_t row, int column)
{
    if (column < 0 || (size_t)column >= series->columns || row >= series->rows)
        return NAN;
    return series->values[row * series->columns + (size_t)column];
}

void series_format(const struct series *series, struct strbuf *buf)
{
    for (size_t i = 0; i < series->columns; i++)
        strbuf_addf(buf, "%s%s", i ? "," : "", series->names[i]);
    strbuf_addc(buf, '\n');
    for (size_t row = 0; row < series->rows; row++) {
        const double *values = series->values + row * series->columns;
        for (size_t i = 0; i < series->columns; i++) {
            strbuf_adds(buf, i ? "," : "");
            if (!isnan(values[i]))
                strbuf_addf(buf, "%.10g", values[i]);
        }
        strbuf_addc(buf, '\n');
    }
}

/* Cuts the next line, then fields off its front. */
struct cutter {
    const char *text;
    size_t length;
};

/* false: nothing is left. */
static bool cut(struct cutter *from, char end, struct cutter *out_piece)
{
    if (!from->text)
        return false;
    const char *at = memchr(from->text, end, from->length);
    *out_piece = (struct cutter){from->text, at ? (size_t)(at - from->text) : from->length};
    size_t used = out_piece->length + (at != NULL);
    *from = (struct cutter){at ? from->text + used : NULL, from->length - used};
    return true;
}

/* false at the end of the text; a last line without its end is one too. */
static bool cut_line(struct cutter *text, struct cutter *out_line)
{
    if (text->length == 0 || !cut(text, '\n', out_line))
        return false;
    if (out_line->length > 0 && out_line->text[out_line->length - 1] == '\r')
        out_line->length--;
    return true;
}

static bool is_name(const struct cutter *field)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    for (size_t i = 0; i < field->length; i++)
        if (!memchr(plain, field->text[i], sizeof(plain) - 1))
            return false;
    return field->length > 0 && field->length <= SERIES_NAME_MAX;
}

static int parse_names(struct cutter line, struct series *series)
{
    struct cutter field;
    series->names = mem_array(SERIES_COLUMNS_MAX, sizeof(series->names[0]));
    while (cut(&line, ',', &field)) {
        if (series->columns == SERIES_COLUMNS_MAX || !is_name(&field))
            return -EBADMSG;
        series->names[series->columns++] = mem_strndup(field.text, field.length);
    }
    return 0;
}

static int parse_value(const struct cutter *field, double *out_value)
{
    char text[FIELD_MAX];
    if (field->length >= sizeof(text))
        return -EBADMSG;
    memcpy(text, field->text, field->length);
    text[field->length] = '\0';
    *out_value = NAN;
    if (field->length == 0)
        return 0;
    return units_parse_number(text, out_value) < 0 || strlen(text) != field->length ? -EBADMSG : 0;
}

static int parse_row(struct cutter line, struct series *series)
{
    if (series->rows == SERIES_ROWS_MAX)
        return -EBADMSG;
    struct cutter field;
    size_t count = 0;
    double *row = grow(series);
    while (cut(&line, ',', &field))
        if (count == series->columns || parse_value(&field, &row[count++]) < 0)
            return -EBADMSG;
    return count == series->columns ? 0 : -EBADMSG;
}

int series_parse(const char *text, size_t length, struct series *out_series)
{
    CLEANUP_SERIES struct series series = {0};
    struct cutter rest = {text, length}, line;
    int rc = cut_line(&rest, &line) ? parse_names(line, &series) : -EBADMSG;
    while (rc == 0 && cut_line(&rest, &line))
        rc = parse_row(line, &series);
    if (rc < 0)
        return rc;
    *out_series = series;
    series = (struct series){0};
    return 0;
}

void series_done(struct series *series)
{
    for (size_t i = 0; i < series->columns; i++)
        free(series->names[i]);
    free(series->names);
    free(series->values);
    *series = (struct series){0};
}
