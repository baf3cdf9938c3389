/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * view: what the user has chosen to see of the model -> cells of the screen. Pure.
 */
#pragma once

#include "top/screen.h"
#include "top/ui.h"

/* Lines of the table or of the text that fit. */
int view_page(const struct ui *ui, const struct top *top, const struct snapshot *snapshot,
              struct screen *screen);
/* Draws on a blank screen; brings ui->scroll back to what there is. */
void view_draw(struct ui *ui, const struct top *top, const struct snapshot *snapshot,
               struct screen *screen);
