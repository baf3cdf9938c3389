/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * compare: two campaigns against each other, cell by cell. They share no blocks, so the ratio B/A
 * of consolidated performance is unpaired: Welch's interval on the logarithms. Below 1 B is slower.
 */
#pragma once

#include "report/report.h"

#define COMPARE_THRESHOLD_DEFAULT 0.05

struct compare_row {
    const struct report_row *a;     /* NULL: only in B */
    const struct report_row *b;     /* NULL: only in A */
    struct normalise_change change; /* where both are there */
    bool worse;                     /* the whole interval lies below 1 - threshold */
};

/* A fact that was not the same, and matters. NULL: one does not have it. */
struct compare_difference {
    const char *name;
    const char *a;
    const char *b;
};

struct compare {
    const struct report *a;
    const struct report *b;
    double threshold;
    double level;
    struct compare_row *rows; /* in A's order, then those that only B has */
    size_t row_count;
    size_t worse;
    struct compare_difference *differences;
    size_t difference_count;
};

/* threshold: share of performance whose loss matters; 0: COMPARE_THRESHOLD_DEFAULT. Both reports
 * must outlive the result. */
void compare_init(struct compare *compare, const struct report *a, const struct report *b,
                  double threshold);
void compare_done(struct compare *compare);
#define CLEANUP_COMPARE CLEANUP(compare_done)

void compare_put_text(const struct compare *compare, const struct report_style *style,
                      FILE *stream);
void compare_put_json(const struct compare *compare, FILE *stream);
