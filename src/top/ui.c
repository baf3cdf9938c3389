/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/ui.h"

#include <stdio.h>
#include <string.h>

#include "top/screen.h"

void ui_init(struct ui *ui, const struct top_options *options)
{
    *ui = (struct ui){.sort = options->sort, .reverse = options->reverse};
    snprintf(ui->filter, sizeof(ui->filter), "%s", options->filter ? options->filter : "");
}

static bool is_selected(const struct ui *ui, const struct top_row *row)
{
    return row->vm ? row->vm->pid == ui->pid && row->vm->identity == ui->identity
                   : ui->pid == 0 && ui->identity == 0;
}

static void select_row(struct ui *ui, const struct top *top, size_t row)
{
    if (top->count == 0)
        return;
    ui->selected = row < top->count ? row : top->count - 1;
    const struct vm *vm = top->rows[ui->selected].vm;
    ui->pid = vm ? vm->pid : 0;
    ui->identity = vm ? vm->identity : 0;
}

void ui_follow(struct ui *ui, const struct top *top)
{
    for (size_t i = 0; i < top->count; i++)
        if (is_selected(ui, &top->rows[i])) {
            ui->selected = i;
            return;
        }
    if (ui->view == UI_LIST)
        select_row(ui, top, ui->selected);
}

struct top_options ui_options(const struct ui *ui)
{
    return (struct top_options){.filter = ui->filter, .sort = ui->sort, .reverse = ui->reverse};
}

const struct top_row *ui_row(const struct ui *ui, const struct top *top)
{
    for (size_t i = 0; i < top->count; i++)
        if (is_selected(ui, &top->rows[i]))
            return &top->rows[i];
    return NULL;
}

/* Bytes of a character: UTF-8 goes in whole or not at all, and out whole. */
static void edit_filter(struct ui *ui, uint32_t key)
{
    size_t length = strlen(ui->filter);
    if (key == '\n' || key == '\r') {
        ui->is_editing = false;
    } else if (key == UI_KEY_ESCAPE) {
        memcpy(ui->filter, ui->kept_filter, sizeof(ui->filter));
        ui->is_editing = false;
    } else if (key == UI_KEY_BACKSPACE || key == '\b') {
        while (length && ((unsigned char)ui->filter[--length] & 0xc0) == 0x80)
            ;
        ui->filter[length] = '\0';
    } else if (key >= ' ' && key < 0x110000) {
        char bytes[SCREEN_BYTES_MAX];
        size_t count = screen_encode(key, bytes);
        if (length + count >= sizeof(ui->filter))
            return;
        memcpy(ui->filter + length, bytes, count);
        ui->filter[length + count] = '\0';
    }
}

/* Steps that a key of movement makes; 0: it is none. */
static long steps_of(uint32_t key, int page)
{
    switch (key) {
    case UI_KEY_UP:
    case 'k':
        return -1;
    case UI_KEY_DOWN:
    case 'j':
        return 1;
    case UI_KEY_PAGE_UP:
        return -(page > 1 ? page - 1 : 1);
    case UI_KEY_PAGE_DOWN:
        return page > 1 ? page - 1 : 1;
    case UI_KEY_HOME:
    case 'g':
        return -(1 << 24);
    case UI_KEY_END:
    case 'G':
        return 1 << 24;
    default:
        return 0;
    }
}

static void move(struct ui *ui, long steps, const struct top *top)
{
    if (ui->view == UI_LIST) {
        long row = (long)ui->selected + steps;
        select_row(ui, top, row > 0 ? (size_t)row : 0);
        return;
    }
    long line = ui->scroll + steps;
    ui->scroll = line > 0 ? (int)line : 0;
}

/* Through the values and the name, in both directions. */
static void turn_sort(struct ui *ui, int by)
{
    ui->sort += by;
    if (ui->sort >= VALUE_COUNT)
        ui->sort = SORT_NAME;
    if (ui->sort < SORT_NAME)
        ui->sort = VALUE_COUNT - 1;
}

static void go_to(struct ui *ui, enum ui_view view)
{
    if (view == UI_HELP)
        ui->under = ui->view;
    ui->view = view;
    ui->scroll = 0;
}

static void go_back(struct ui *ui)
{
    if (ui->view == UI_HELP)
        go_to(ui, ui->under);
    else if (ui->view == UI_ZOOM)
        go_to(ui, UI_LIST);
    else
        ui->filter[0] = '\0';
}

static void press_letter(struct ui *ui, uint32_t key)
{
    static const struct {
        uint32_t key;
        int sort;
    } sorts[] = {{'C', VALUE_CPU},
                 {'W', VALUE_WAIT},
                 {'S', VALUE_STEAL_HOST},
                 {'X', VALUE_EXITS},
                 {'N', SORT_NAME}};
    for (size_t i = 0; i < COUNT_OF(sorts); i++)
        if (sorts[i].key == key)
            ui->sort = sorts[i].sort;
    if (key == 'r')
        ui->reverse = !ui->reverse;
    else if (key == 'p' || key == ' ')
        ui->paused = !ui->paused;
    else if (key == '>')
        turn_sort(ui, 1);
    else if (key == '<')
        turn_sort(ui, -1);
    else if (key == UI_KEY_RIGHT && ui->column < VALUE_COUNT)
        ui->column++;
    else if (key == UI_KEY_LEFT && ui->column > 0)
        ui->column--;
}

void ui_press(struct ui *ui, uint32_t key, const struct top *top, int page)
{
    long steps = steps_of(key, page);
    if (key == UI_KEY_INTERRUPT)
        ui->quit = true;
    else if (ui->is_editing)
        edit_filter(ui, key);
    else if (key == 'q')
        ui->quit = true;
    else if (steps)
        move(ui, steps, top);
    else if ((key == '?' || key == 'h') && ui->view != UI_HELP)
        go_to(ui, UI_HELP);
    else if (key == UI_KEY_ESCAPE || key == UI_KEY_BACKSPACE || key == '\b' || key == '?' ||
             key == 'h')
        go_back(ui);
    else if ((key == '\n' || key == '\r') && ui->view == UI_LIST)
        go_to(ui, UI_ZOOM);
    else if ((key == '/' || key == 'f') && ui->view == UI_LIST) {
        memcpy(ui->kept_filter, ui->filter, sizeof(ui->filter));
        ui->is_editing = true;
    } else
        press_letter(ui, key);
}
