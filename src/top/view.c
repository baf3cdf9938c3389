/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/view.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "top/column.h"
#include "top/zoom.h"

#define ROWS_ABOVE 2    /* title, heading */
#define MUCH_STEAL 0.10 /* of the vCPUs' time: shown as bad */
#define GAPS_PART 6     /* of the screen's height at most this part is for reasons of '-' */

static const char *sort_name(const struct ui *ui)
{
    return ui->sort == SORT_NAME ? "name" : value_kinds[ui->sort].name;
}

static void draw_title(const struct ui *ui, const struct top *top, struct screen *screen)
{
    int at = screen_putf(screen, 0, 0, SCREEN_TITLE, "vtax top");
    if (ui->paused)
        at = screen_put(screen, 0, at + 2, SCREEN_BAD, "PAUSED");
    at = screen_putf(screen, 0, at + 2, SCREEN_PLAIN, "%zu machine%s, %u CPU%s, over %.1f s",
                     top->machines, top->machines == 1 ? "" : "s", top->cpus,
                     top->cpus == 1 ? "" : "s", (double)top->elapsed_ns / 1e9);
    at = screen_putf(screen, 0, at + 2, SCREEN_DIM, "sort %s%s", sort_name(ui),
                     ui->reverse ? ", reversed" : "");
    if (ui->filter[0] && !ui->is_editing)
        screen_putf(screen, 0, at + 2, SCREEN_PLAIN, "filter '%s'", ui->filter);
}

/* What is sorted by is seen, until the user scrolls. */
static void lay_out(const struct ui *ui, const struct top *top, int width,
                    struct column_layout *out_layout)
{
    column_lay_out(top, width, (size_t)ui->column, out_layout);
    for (size_t i = 0; i < out_layout->count; i++)
        if ((int)out_layout->values[i] == ui->sort)
            return;
    if (ui->sort != SORT_NAME && ui->column == 0 && out_layout->count)
        out_layout->values[out_layout->count - 1] = (enum value_id)ui->sort;
}

static void draw_heading(const struct ui *ui, const struct column_layout *layout,
                         struct screen *screen)
{
    int row = 1;
    screen_style_row(screen, row, SCREEN_HEADING);
    enum screen_style style = ui->sort == SORT_NAME ? SCREEN_SELECTED : SCREEN_HEADING;
    int at = screen_put_cell(screen, row, 0, layout->name_width, false, style, "NAME");
    at = screen_put_cell(screen, row, at + 1, COLUMN_KIND_WIDTH, false, SCREEN_HEADING, "KIND");
    at = screen_put_cell(screen, row, at, COLUMN_VCPUS_WIDTH + 1, true, SCREEN_HEADING, "CPU");
    for (size_t i = 0; i < layout->count; i++) {
        style = (int)layout->values[i] == ui->sort ? SCREEN_SELECTED : SCREEN_HEADING;
        at = screen_put_cell(screen, row, at + 1, COLUMN_VALUE_WIDTH, true, style,
                             value_kinds[layout->values[i]].title);
    }
    if (layout->reasons_width)
        screen_put_cell(screen, row, at + 1, layout->reasons_width, false, SCREEN_HEADING,
                        "WORST REASONS/s");
    int first = layout->name_width + 1 + COLUMN_KIND_WIDTH + COLUMN_VCPUS_WIDTH + 1;
    if (ui->column > 0)
        screen_put(screen, row, first, SCREEN_HEADING, screen->unicode ? "\u2039" : "<");
    if (layout->is_cut)
        screen_put(screen, row, screen->columns - 1, SCREEN_HEADING,
                   screen->unicode ? "\u203a" : ">");
}

static enum screen_style style_of(const struct top_row *row, enum value_id id)
{
    bool is_steal = id == VALUE_STEAL_GUEST || id == VALUE_STEAL_HOST;
    const struct rate *value = &row->values[id];
    if (value->missing)
        return SCREEN_DIM;
    return is_steal && value->value >= MUCH_STEAL ? SCREEN_BAD : SCREEN_PLAIN;
}

static void draw_row(const struct top_row *item, unsigned cpus, const struct column_layout *layout,
                     int row, bool is_selected, struct screen *screen)
{
    char text[COLUMN_TEXT_MAX], reasons[COLUMN_REASONS_MAX];
    unsigned count = item->vm ? item->vm->vcpu_count : cpus;
    int at = screen_put_cell(screen, row, 0, layout->name_width, false,
                             item->vm ? SCREEN_TITLE : SCREEN_PLAIN, top_name(item));
    at = screen_put_cell(screen, row, at + 1, COLUMN_KIND_WIDTH, false, SCREEN_PLAIN,
                         top_kind(item));
    snprintf(text, sizeof(text), "%u", count);
    at = screen_put_cell(screen, row, at, COLUMN_VCPUS_WIDTH + 1, true, SCREEN_PLAIN,
                         count ? text : "-");
    for (size_t i = 0; i < layout->count; i++) {
        enum value_id id = layout->values[i];
        at = screen_put_cell(screen, row, at + 1, COLUMN_VALUE_WIDTH, true, style_of(item, id),
                             column_format(&item->values[id], value_kinds[id].unit, text));
    }
    if (layout->reasons_width)
        screen_put_cell(screen, row, at + 1, layout->reasons_width, false, SCREEN_PLAIN,
                        column_format_reasons(item, layout->reasons_width, reasons));
    if (is_selected)
        screen_style_row(screen, row, SCREEN_SELECTED);
}

/* Which values are missing for this reason, and the reason; the caller's to free. */
static char *name_gap(const struct top_row *item, const char *reason, bool done[VALUE_COUNT])
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        const char *other = item->values[i].missing;
        if (!other || strcmp(other, reason) != 0)
            continue;
        strbuf_addf(&out, "%s%s", out.length ? ", " : "- ", value_kinds[i].name);
        done[i] = true;
    }
    strbuf_addf(&out, ": %s", reason);
    return strbuf_take(&out);
}

/* What this host does not show, and why the row has '-'. Returns the row behind it. */
static int put_gaps(const struct top_row *item, const struct snapshot *snapshot, int row, int end,
                    struct screen *screen)
{
    bool done[VALUE_COUNT] = {false};
    struct screen_lines lines = {.row = row, .end = end, .indent = 2, .style = SCREEN_DIM};
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot->notes[i]; i++) {
        CLEANUP_FREE char *text = mem_printf("note: %s", snapshot->notes[i]);
        lines.row = screen_put_lines(screen, &lines, text);
    }
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        if (!item->values[i].missing || done[i])
            continue;
        CLEANUP_FREE char *text = name_gap(item, item->values[i].missing, done);
        lines.row = screen_put_lines(screen, &lines, text);
    }
    return lines.row;
}

/* As many rows as they take; where the table needs them more, a part of the screen. */
static int gap_rows(const struct ui *ui, const struct top *top, const struct snapshot *snapshot,
                    struct screen *screen)
{
    int below = screen->rows; /* nothing is drawn there: only counted */
    int most = screen->rows - 1 - ROWS_ABOVE - (int)top->count;
    if (ui->selected >= top->count)
        return 0;
    most = most > screen->rows / GAPS_PART ? most : screen->rows / GAPS_PART;
    int rows = put_gaps(&top->rows[ui->selected], snapshot, below, INT_MAX, screen) - below;
    return rows < most ? rows : most;
}

int view_page(const struct ui *ui, const struct top *top, const struct snapshot *snapshot,
              struct screen *screen)
{
    int rows = ui->view == UI_LIST ? ROWS_ABOVE + gap_rows(ui, top, snapshot, screen) : 1;
    int page = screen->rows - rows - 1;
    return page > 1 ? page : 1;
}

/* The host stays above; the machines move so that the selected one is seen. */
static void draw_list(const struct ui *ui, const struct top *top, const struct snapshot *snapshot,
                      struct screen *screen)
{
    struct column_layout layout;
    int page = view_page(ui, top, snapshot, screen), end = screen->rows - 1;
    size_t room = page > 1 ? (size_t)page - 1 : 1;
    size_t first = ui->selected > room ? ui->selected - room + 1 : 1;
    lay_out(ui, top, screen->columns, &layout);
    draw_heading(ui, &layout, screen);
    draw_row(&top->rows[0], top->cpus, &layout, ROWS_ABOVE, ui->selected == 0, screen);
    for (size_t i = 0; i < room && first + i < top->count; i++)
        draw_row(&top->rows[first + i], top->cpus, &layout, ROWS_ABOVE + 1 + (int)i,
                 first + i == ui->selected, screen);
    if (top->machines == 0)
        screen_put(screen, ROWS_ABOVE + 2, 2, SCREEN_DIM,
                   "no virtual machine runs here, or none that this user may see");
    else if (top->count == 1)
        screen_put(screen, ROWS_ABOVE + 2, 2, SCREEN_DIM, "no machine fits the filter");
    if (ui->selected < top->count)
        put_gaps(&top->rows[ui->selected], snapshot, end - gap_rows(ui, top, snapshot, screen), end,
                 screen);
}

static void draw_keys(const struct ui *ui, struct screen *screen)
{
    int row = screen->rows - 1;
    screen_clear_row(screen, row);
    if (ui->is_editing) {
        int at = screen_putf(screen, row, 0, SCREEN_TITLE, "Filter: %s_", ui->filter);
        screen_put(screen, row, at + 2, SCREEN_DIM, "Enter keeps it, Esc drops it");
        return;
    }
    static const char *const keys[] = {
        [UI_LIST] = "q quit  ? help  Enter zoom  / filter  < > sort  arrows move  p pause",
        [UI_ZOOM] = "q quit  ? help  Esc back  arrows scroll  p pause",
        [UI_HELP] = "q quit  Esc back  arrows scroll"};
    int at = screen_put(screen, row, 0, SCREEN_DIM, keys[ui->view]);
    if (ui->view == UI_LIST || (ui->below == 0 && ui->scroll == 0))
        return;
    char more[32];
    int length = ui->below ? snprintf(more, sizeof(more), "%d more below", ui->below)
                           : snprintf(more, sizeof(more), "the end");
    if (screen->columns - length > at)
        screen_put(screen, row, screen->columns - length, SCREEN_TITLE, more);
}

void view_draw(struct ui *ui, const struct top *top, const struct snapshot *snapshot,
               struct screen *screen)
{
    if (ui->view == UI_LIST)
        draw_list(ui, top, snapshot, screen);
    else if (ui->view == UI_ZOOM)
        zoom_draw(ui, top, snapshot, screen);
    else
        zoom_draw_help(ui, screen);
    screen_clear_row(screen, 0);
    draw_title(ui, top, screen);
    draw_keys(ui, screen);
}
