/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * row: the figures of one cell and metric, computed from its trials.
 */
#pragma once

#include "report/report.h"

struct report_value value_of(const double *values, size_t count, double level);

/* The trials of one cell, in order. */
struct row_trials {
    const struct store_trial **items;
    size_t count;
};

/* Fills everything of row but cell, metric and baseline, and normalised. */
void row_fill(struct report_row *row, const struct row_trials *trials, double level);
/* Sets normalised from the row's own trials and those of its baseline, which must be filled. */
void row_normalise(struct report_row *row, const struct normalise_options *options);
/* The row's trials for normalise_paired() and normalise_unpaired(), the caller's to free. */
struct normalise_trial *row_normalise_trials(const struct report_row *row);
void row_done(struct report_row *row);
