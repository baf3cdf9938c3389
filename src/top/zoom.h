/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zoom: all that is known of one machine, and help: texts that may be longer than the screen. Pure.
 */
#pragma once

#include "top/screen.h"
#include "top/ui.h"

/* Between the first and the last row of the screen. Both bring ui->scroll back to what there is,
 * and set ui->below. */
void zoom_draw(struct ui *ui, const struct top *top, const struct snapshot *snapshot,
               struct screen *screen);
void zoom_draw_help(struct ui *ui, struct screen *screen);
