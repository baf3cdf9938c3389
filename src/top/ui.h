/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ui: what the user has chosen to see: a state, and what each key makes of it. Pure.
 */
#pragma once

#include "top/model.h"

/* Keys that are no characters; the others are themselves, in Unicode. */
enum ui_key {
    UI_KEY_INTERRUPT = 3, /* Ctrl-C, where it makes no signal */
    UI_KEY_ESCAPE = 27,
    UI_KEY_BACKSPACE = 127,
    UI_KEY_UP = 0x110000, /* beyond Unicode */
    UI_KEY_DOWN,
    UI_KEY_LEFT,
    UI_KEY_RIGHT,
    UI_KEY_PAGE_UP,
    UI_KEY_PAGE_DOWN,
    UI_KEY_HOME,
    UI_KEY_END,
};

enum ui_view {
    UI_LIST,
    UI_ZOOM, /* into one machine */
    UI_HELP,
};

#define UI_FILTER_MAX 64

struct ui {
    enum ui_view view;
    enum ui_view under; /* what help lies over */
    int sort;           /* as in top_options */
    bool reverse;
    bool paused;
    bool quit;
    bool is_editing; /* the filter */
    char filter[UI_FILTER_MAX];
    char kept_filter[UI_FILTER_MAX]; /* what Escape goes back to */
    size_t selected;                 /* row of the table; 0: the host */
    pid_t pid;                       /* of the machine in it: it may move */
    uint64_t identity;
    int scroll; /* lines, of what is zoomed into and of help */
    int below;  /* lines of it that are below the screen */
    int column; /* values of the list that were scrolled over */
};

void ui_init(struct ui *ui, const struct top_options *options);
/* top: what is shown now; page: rows that fit. */
void ui_press(struct ui *ui, uint32_t key, const struct top *top, int page);
/* Puts the selection on the machine that it was on: after each change of top. */
void ui_follow(struct ui *ui, const struct top *top);
/* Points to ui's filter. */
struct top_options ui_options(const struct ui *ui);
/* The machine that is zoomed into; NULL: it is not there. */
const struct top_row *ui_row(const struct ui *ui, const struct top *top);
