/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * steady: has a series (throughput per second, say) settled, and from where on?
 *
 * The warm-up is found by MSER (White, An effective truncation heuristic for bias reduction in
 * simulation output, Simulation 69, 1997; in batches of up to 5 values as MSER-5: White, Cobb,
 * Spratt, 2000): of all cuts in the first half the one with the smallest variance / length of what
 * is left. What is left is tested for a trend by Mann (Econometrica 13, 1945) and Kendall, on the
 * batch means, with Kendall's correction for ties and continuity; its size is Sen's slope (JASA 63,
 * 1968). A trend counts when it is both significant and large enough to matter.
 */
#pragma once

#include <stddef.h>

enum steady_verdict {
    STEADY_TOO_SHORT, /* under STEADY_MIN_VALUES values, or one that is not finite */
    STEADY_SETTLED,
    STEADY_DRIFTING, /* a trend is left, or the first half as a whole differs from the second */
};

#define STEADY_MIN_VALUES 20

struct steady_options {
    double alpha;     /* of the trend test; 0: 0.01 */
    double tolerance; /* change over the kept part, relative to its mean, that matters; 0: 0.05 */
};

struct steady {
    enum steady_verdict verdict;
    size_t n;
    size_t warm_up;     /* leading values to leave out */
    size_t batch;       /* values in a batch */
    double mean;        /* of the kept values */
    double p_value;     /* of the trend test, two-sided */
    double change;      /* Sen's slope x length of the kept part, / |mean| */
    const char *reason; /* in words, for people */
};

/* options NULL: the defaults. */
struct steady steady_of(const double *values, size_t n, const struct steady_options *options);

/* "too short", "steady", "drifting" */
const char *steady_verdict_text(enum steady_verdict verdict);

/* Mann-Kendall: the two-sided p value of "no trend" for n values in order; NaN for n < 4, 1 where
 * all are equal. Compares all pairs. */
double steady_trend_p_value(const double *values, size_t n);
