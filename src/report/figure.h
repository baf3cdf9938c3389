/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * figure: boot times and the further numbers of each cell.
 */
#pragma once

#include "report/report.h"
#include "report/row.h"

/* by_cell[i] holds the trials of report->campaign.cells[i]. */
void figure_fill_boots(struct report *report, const struct row_trials *by_cell);
void figure_fill_figures(struct report *report, const struct row_trials *by_cell);
/* The figure that says why good trials of the row's cell lack its metric; NULL: none lack it. */
const struct report_figure *figure_find_missing(const struct report *report,
                                                const struct report_row *row);
void figure_done(struct report *report);
