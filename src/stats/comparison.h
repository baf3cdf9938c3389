/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * comparison: what an interval of a performance ratio (1 is the baseline, higher is better) says.
 *
 * With a margin x >= 0, the largest difference that does not matter:
 *   same       lo >= 1/(1+x) and hi <= 1+x: no difference beyond the margin. Asked first, so an
 *              interval that excludes 1 but lies inside the margin is `same`, with excludes_one
 * set. slower     else hi < 1 faster     else lo > 1 undecided  else: the data fit both, or there
 * is no interval `same` is an equivalence test by two one-sided tests (Schuirmann, J. Pharmacokin.
 * Biopharm. 15, 1987) at (1-level)/2 each, never the mere absence of a significant difference.
 */
#pragma once

#include <stdbool.h>

#include "stats/interval.h"

enum verdict { VERDICT_UNDECIDED, VERDICT_SLOWER, VERDICT_FASTER, VERDICT_SAME };

struct comparison {
    enum verdict verdict;
    bool excludes_one;
    const char *reason; /* why there is no verdict at all; "" where there is an interval */
};

/* ratio: from interval_exp(). A margin that is negative or not finite is a programmer error. */
struct comparison comparison_of(const struct interval *ratio, double margin);

/* Below so many values a bootstrap interval is known to be too narrow to contradict anybody. */
#define COMPARISON_CHECK_MIN_VALUES 6

/* Do the two kinds of interval over the same values lead to different verdicts? False where either
 * has none, or below COMPARISON_CHECK_MIN_VALUES. */
bool comparison_disagrees(const struct interval *student, const struct interval *bca,
                          double margin);

/* "undecided", "slower", "faster", "same" */
const char *comparison_verdict_text(enum verdict verdict);
