/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/column.h"

#include <stdio.h>
#include <string.h>

#include "report/escape.h"

#define NAME_WIDTH_MIN 6
#define NAME_WIDTH_MAX 32
#define REASONS_WIDTH_MIN 20
#define REASONS_SHOWN 3

static const char *format_prefixed(double value, char text[COLUMN_TEXT_MAX])
{
    static const char prefixes[] = " kMGTPE";
    size_t at = 0;
    for (; value >= 999.5 && prefixes[at + 1]; at++)
        value /= 1000;
    snprintf(text, COLUMN_TEXT_MAX,
             value < 9.95 && (at || value != (double)(int)value) ? "%.1f" : "%.0f", value);
    if (at) {
        size_t length = strlen(text);
        snprintf(text + length, COLUMN_TEXT_MAX - length, "%c", prefixes[at]);
    }
    return text;
}

const char *column_format(const struct rate *rate, enum value_unit unit, char text[COLUMN_TEXT_MAX])
{
    double value = rate->value;
    if (rate->missing)
        snprintf(text, COLUMN_TEXT_MAX, "-");
    else if (unit == VALUE_CPUS || unit == VALUE_SHARE)
        snprintf(text, COLUMN_TEXT_MAX, value * 100 < 99.95 ? "%.1f" : "%.0f", value * 100);
    else if (unit == VALUE_RATIO)
        snprintf(text, COLUMN_TEXT_MAX, "%.2f", value);
    else
        format_prefixed(value, text);
    return text;
}

const char *column_format_reasons(const struct top_row *row, char text[COLUMN_REASONS_MAX])
{
    size_t used = 0;
    snprintf(text, COLUMN_REASONS_MAX, "-");
    for (size_t i = 0; i < row->reason_count && i < REASONS_SHOWN; i++) {
        const struct top_reason *reason = &row->reasons[i];
        char count[COLUMN_TEXT_MAX], time[COLUMN_TEXT_MAX + 2] = "";
        format_prefixed(reason->per_s, count);
        if (!reason->time.missing)
            snprintf(time, sizeof(time), " %.2g%%", reason->time.value * 1e-7);
        int length = snprintf(text + used, COLUMN_REASONS_MAX - used, "%s%.24s %s%s", i ? ", " : "",
                              reason->reason->name, count, time);
        if (length < 0 || used + (size_t)length >= COLUMN_REASONS_MAX)
            break;
        used += (size_t)length;
    }
    return text;
}

/* What is dropped first stands last. */
static const enum value_id order[] = {
    VALUE_CPU,         VALUE_GUEST,      VALUE_HOST,       VALUE_WAIT,
    VALUE_STEAL_GUEST, VALUE_STEAL_HOST, VALUE_EXITS,      VALUE_IPC_GUEST,
    VALUE_IPC_HOST,    VALUE_READ,       VALUE_WRITE,      VALUE_RECEIVE,
    VALUE_SEND,        VALUE_EXIT_TIME,  VALUE_MIGRATIONS, VALUE_FAULTS,
};
#define VALUES_WITHOUT_REASONS 7 /* the reasons come after the exits */

void column_lay_out(const struct top *top, int width, struct column_layout *out_layout)
{
    int longest = NAME_WIDTH_MIN;
    for (size_t i = 0; i < top->count; i++) {
        CLEANUP_FREE char *name = escape_utf8(top_name(&top->rows[i]));
        int columns = (int)escape_columns(name);
        longest = columns > longest ? columns : longest;
    }
    int most = width < 100 ? 12 : NAME_WIDTH_MAX;
    struct column_layout layout = {.name_width = longest < most ? longest : most};
    int left = width - layout.name_width - 1 - COLUMN_KIND_WIDTH - 1 - COLUMN_VCPUS_WIDTH;
    for (size_t i = 0; i < COUNT_OF(order) && left >= COLUMN_VALUE_WIDTH + 1; i++) {
        if (i >= VALUES_WITHOUT_REASONS && left < COLUMN_VALUE_WIDTH + 1 + REASONS_WIDTH_MIN + 16)
            break;
        layout.values[layout.count++] = order[i];
        left -= COLUMN_VALUE_WIDTH + 1;
    }
    layout.reasons_width = left >= 8 ? left - 1 : 0;
    *out_layout = layout;
}
