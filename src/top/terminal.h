/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * terminal: the user's terminal through ncurses: a screen to show, keys to read. At most one is
 * open. It is given back as it was found also when a signal ends the process, whether by the user
 * or by a fault.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "top/screen.h"

struct terminal;

/* Whether both ends are a terminal that can move its cursor; false: a table for pipes it is. */
bool terminal_is_usable(void);
/* The locale must be set. No colours where NO_COLOR is set, or the terminal has none. */
int terminal_open(struct terminal **out_terminal, struct error *err)
    __attribute__((warn_unused_result));
/* A blank screen of the terminal's present size. */
void terminal_make_screen(const struct terminal *terminal, struct screen *out_screen);
void terminal_show(struct terminal *terminal, const struct screen *screen);
/* The next key that was pressed, as ui_press() takes it; 0: none. *out_resized is set when the size
 * has changed. Does not wait. */
uint32_t terminal_read_key(struct terminal *terminal, bool *out_resized);
struct terminal *terminal_close(struct terminal *terminal);
