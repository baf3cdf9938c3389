/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/text.h"

#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "top/column.h"

void text_add_cell(struct strbuf *out, const char *text, int width, bool right, bool unicode)
{
    CLEANUP_STRBUF struct strbuf safe;
    strbuf_init(&safe);
    escape_terminal(&safe, text, unicode);
    int columns = (int)escape_columns(safe.text);
    if (columns > width) {
        size_t at = 0;
        for (int i = 0; i < width - 1; i++)
            do
                at++;
            while (((unsigned char)safe.text[at] & 0xc0) == 0x80);
        strbuf_truncate(&safe, at);
        strbuf_adds(&safe, unicode ? "\u2026" : "~");
        columns = width;
    }
    if (right)
        strbuf_addf(out, "%*s%s", width - columns, "", safe.text);
    else
        strbuf_addf(out, "%s%*s", safe.text, width - columns, "");
}

static void end_line(struct strbuf *out)
{
    while (out->length && out->text[out->length - 1] == ' ')
        strbuf_truncate(out, out->length - 1);
    strbuf_addc(out, '\n');
}

static void add_heading(const struct column_layout *layout, struct strbuf *out)
{
    text_add_cell(out, "NAME", layout->name_width, false, false);
    strbuf_addc(out, ' ');
    text_add_cell(out, "KIND", COLUMN_KIND_WIDTH, false, false);
    text_add_cell(out, "CPU", COLUMN_VCPUS_WIDTH + 1, true, false);
    for (size_t i = 0; i < layout->count; i++)
        text_add_cell(out, value_kinds[layout->values[i]].title, COLUMN_VALUE_WIDTH + 1, true,
                      false);
    if (layout->reasons_width) {
        strbuf_addc(out, ' ');
        text_add_cell(out, "WORST REASONS/s", layout->reasons_width, false, false);
    }
    end_line(out);
}

static void add_row(const struct top_row *row, unsigned cpus, const struct column_layout *layout,
                    bool unicode, struct strbuf *out)
{
    char text[COLUMN_TEXT_MAX], reasons[COLUMN_REASONS_MAX];
    unsigned count = row->vm ? row->vm->vcpu_count : cpus;
    text_add_cell(out, top_name(row), layout->name_width, false, unicode);
    strbuf_addc(out, ' ');
    text_add_cell(out, top_kind(row), COLUMN_KIND_WIDTH, false, unicode);
    snprintf(text, sizeof(text), "%u", count);
    text_add_cell(out, count ? text : "-", COLUMN_VCPUS_WIDTH + 1, true, unicode);
    for (size_t i = 0; i < layout->count; i++) {
        enum value_id id = layout->values[i];
        text_add_cell(out, column_format(&row->values[id], value_kinds[id].unit, text),
                      COLUMN_VALUE_WIDTH + 1, true, unicode);
    }
    if (layout->reasons_width) {
        strbuf_addc(out, ' ');
        text_add_cell(out, column_format_reasons(row, layout->reasons_width, reasons),
                      layout->reasons_width, false, unicode);
    }
    end_line(out);
}

void text_find_gaps(const struct top *top, struct text_gaps *out_gaps)
{
    struct text_gaps gaps = {0};
    for (size_t i = 0; i < top->count; i++)
        for (size_t id = 0; id < VALUE_COUNT; id++) {
            const struct top_row *row = &top->rows[i];
            const char *reason = row->values[id].missing;
            size_t at = 0;
            while (at < gaps.count && reason && strcmp(gaps.items[at].reason, reason) != 0)
                at++;
            if (!reason || !row->vm)
                continue;
            if (at == gaps.count) {
                MEM_GROW(gaps.items, gaps.count, gaps.capacity);
                gaps.items[gaps.count++] = (struct text_gap){.reason = reason};
            }
            struct text_gap *gap = &gaps.items[at];
            gap->values[id] = true;
            gap->rows += gap->first != row;
            gap->first = row; /* the last one that was counted */
        }
    *out_gaps = gaps;
}

static void add_gap(const struct text_gap *gap, size_t machines, bool unicode, struct strbuf *out)
{
    const char *comma = "";
    strbuf_adds(out, "  -: ");
    for (size_t id = 0; id < VALUE_COUNT; id++)
        if (gap->values[id]) {
            strbuf_addf(out, "%s%s", comma, value_kinds[id].name);
            comma = ", ";
        }
    if (gap->rows == 1 && machines > 1) {
        strbuf_adds(out, " of ");
        escape_terminal(out, top_name(gap->first), unicode);
    } else if (gap->rows < machines) {
        strbuf_addf(out, " of %zu machines", gap->rows);
    }
    strbuf_addf(out, ": %s\n", gap->reason);
}

void text_add(const struct top *top, const struct snapshot *snapshot, int width, bool unicode,
              struct strbuf *out)
{
    struct column_layout layout;
    struct text_gaps gaps;
    column_lay_out(top, width, 0, &layout);
    strbuf_addf(out, "vtax top: %zu machine%s on %u CPU%s, over %.1f s\n", top->machines,
                top->machines == 1 ? "" : "s", top->cpus, top->cpus == 1 ? "" : "s",
                (double)top->elapsed_ns / 1e9);
    add_heading(&layout, out);
    for (size_t i = 0; i < top->count; i++)
        add_row(&top->rows[i], top->cpus, &layout, unicode, out);
    text_find_gaps(top, &gaps);
    for (size_t i = 0; i < gaps.count; i++)
        add_gap(&gaps.items[i], top->count - 1, unicode, out);
    free(gaps.items);
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot->notes[i]; i++)
        strbuf_addf(out, "  note: %s\n", snapshot->notes[i]);
}
