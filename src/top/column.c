/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/column.h"

#include <stdio.h>
#include <string.h>

#include "report/escape.h"

#define NAME_WIDTH_MIN 6
#define NAME_WIDTH_MAX 32
#define REASONS_WIDTH_MIN 17 /* one */
#define REASONS_WIDTH 36     /* two, mostly three */
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

static void format_share(const struct rate *time, char text[COLUMN_TEXT_MAX])
{
    double percent = time->value * 1e-7;
    if (time->missing)
        text[0] = '\0';
    else if (percent > 0 && percent < 0.05)
        snprintf(text, COLUMN_TEXT_MAX, " <0.1%%");
    else
        snprintf(text, COLUMN_TEXT_MAX, percent < 9.95 ? " %.1f%%" : " %.0f%%", percent);
}

const char *column_format_reasons(const struct top_row *row, int width,
                                  char text[COLUMN_REASONS_MAX])
{
    size_t used = 0;
    snprintf(text, COLUMN_REASONS_MAX, "-");
    for (size_t i = 0; i < row->reason_count && i < REASONS_SHOWN; i++) {
        const struct top_reason *reason = &row->reasons[i];
        char count[COLUMN_TEXT_MAX], time[COLUMN_TEXT_MAX], item[COLUMN_REASONS_MAX];
        format_prefixed(reason->per_s, count);
        format_share(&reason->time, time);
        size_t length = (size_t)snprintf(item, sizeof(item), "%s%.24s %s%s", i ? ", " : "",
                                         reason->reason->name, count, time);
        if (used + length >= COLUMN_REASONS_MAX || (i && used + length > (size_t)width))
            break;
        memcpy(text + used, item, length + 1);
        used += length;
    }
    return text;
}

/* Where there is no room for all, the first ones are shown. */
static const enum value_id importance[] = {
    VALUE_CPU,        VALUE_EXITS,    VALUE_GUEST,      VALUE_WAIT,
    VALUE_STEAL_HOST, VALUE_HOST,     VALUE_EXIT_TIME,  VALUE_STEAL_GUEST,
    VALUE_IPC_GUEST,  VALUE_IPC_HOST, VALUE_READ,       VALUE_WRITE,
    VALUE_RECEIVE,    VALUE_SEND,     VALUE_MIGRATIONS, VALUE_FAULTS,
};
_Static_assert(COUNT_OF(importance) == VALUE_COUNT, "each value has its place");
#define VALUES_BEFORE_REASONS 5 /* the reasons are more important than those behind */

static int find_name_width(const struct top *top, int width)
{
    int longest = NAME_WIDTH_MIN, most = width < 100 ? 12 : NAME_WIDTH_MAX;
    for (size_t i = 0; i < top->count && longest < most; i++) {
        CLEANUP_FREE char *name = escape_utf8(top_name(&top->rows[i]));
        int columns = (int)escape_columns(name);
        longest = columns > longest ? columns : longest;
    }
    return longest < most ? longest : most;
}

/* Sets which of the values behind the skipped ones are shown. Returns what is left of the room. */
static int choose_values(int left, size_t skipped, bool shown[VALUE_COUNT])
{
    const int step = COLUMN_VALUE_WIDTH + 1;
    for (size_t i = 0; i < VALUE_COUNT && left >= step; i++) {
        enum value_id id = skipped ? (enum value_id)i : importance[i];
        int reasons = skipped                     ? REASONS_WIDTH_MIN + 1
                      : i < VALUES_BEFORE_REASONS ? 0
                                                  : REASONS_WIDTH + 1;
        if (i < skipped)
            continue;
        if (left < step + reasons)
            break;
        shown[id] = true;
        left -= step;
    }
    return left;
}

void column_lay_out(const struct top *top, int width, size_t skipped,
                    struct column_layout *out_layout)
{
    struct column_layout layout = {.name_width = find_name_width(top, width)};
    bool shown[VALUE_COUNT] = {false};
    int left = choose_values(
        width - layout.name_width - 1 - COLUMN_KIND_WIDTH - 1 - COLUMN_VCPUS_WIDTH, skipped, shown);
    for (size_t id = 0; id < VALUE_COUNT; id++)
        if (shown[id])
            layout.values[layout.count++] = (enum value_id)id;
    layout.is_cut = layout.count + skipped < VALUE_COUNT;
    layout.reasons_width = left >= 8 ? left - 1 : 0;
    *out_layout = layout;
}
