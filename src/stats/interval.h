/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * interval: an estimate with its confidence interval.
 *
 * Every maker answers in full or says in `state` why it cannot, with NaN in all numbers. Ratios are
 * treated as differences of logarithms: make the interval on logs, then take interval_exp().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum interval_state {
    INTERVAL_OK,
    INTERVAL_TOO_FEW,    /* fewer than 2 values (Wilson: none) */
    INTERVAL_NOT_FINITE, /* an input is NaN or infinite, or the level is outside (0, 1) */
};

struct interval {
    enum interval_state state;
    size_t n;     /* values behind it; Welch: of both samples */
    double level; /* 0.95 */
    double estimate;
    double lo;
    double hi;
    double df;          /* degrees of freedom where Student's t was used, else NaN */
    double p_value;     /* two-sided, of a true 0 (a ratio of 1), where t was used, else NaN */
    bool zero_variance; /* all values are equal: the interval has no width, and that says nothing
                           about what is not seen */
};

/* Student's t interval for the mean: mean -+ t(1 - (1-level)/2; n-1) sd / sqrt(n). */
struct interval interval_student(const double *values, size_t n, double level);

/* Welch's interval for mean(a) - mean(b) of unpaired samples with variances of their own: The
 * generalization of "Student's" problem, Biometrika 34, 1947; degrees of freedom by Satterthwaite
 * 1946. Each sample needs 2 values. */
struct interval interval_welch(const double *a, size_t a_count, const double *b, size_t b_count,
                               double level);

#define INTERVAL_RESAMPLES 9999

struct interval_bootstrap {
    double level;
    size_t resamples; /* 0: INTERVAL_RESAMPLES */
    uint64_t seed;
};
/* Bias-corrected and accelerated bootstrap interval for the mean: Efron, Better bootstrap
 * confidence intervals, JASA 82, 1987; acceleration by the jackknife, bias with ties counted half.
 * The same seed gives the same interval. It never leaves the range of the values, so for a handful
 * of them it is too narrow: a cross-check beside t, not a substitute. */
struct interval interval_bca(const double *values, size_t n,
                             const struct interval_bootstrap *options);

/* Wilson's score interval for a share, successes of n: Probable inference, JASA 22, 1927. */
struct interval interval_wilson(uint64_t successes, uint64_t n, double level);

/* The q-quantile (0 < q < 1) of values in ascending order, with the interval between two of them
 * that holds it whatever the distribution is: order statistics and binomial tails, as in Conover,
 * Practical nonparametric statistics, 1999, section 3.2. Too few for such a pair (the median at 95
 * % needs 6, the 99th percentile 368) is INTERVAL_TOO_FEW, with the estimate. */
struct interval interval_quantile(const double *sorted, size_t n, double q, double level);

/* exp() of estimate and bounds: from differences of logs to a ratio. */
struct interval interval_exp(struct interval interval);

/* (hi - lo) / (2 |estimate|); NaN unless state is INTERVAL_OK. */
double interval_relative_half_width(const struct interval *interval);

/* "too few values", ... for people; "" for INTERVAL_OK. */
const char *interval_state_text(enum interval_state state);

/* Holm's step-down adjustment of a family of p values (Scand. J. Statist. 6, 1979): out_adjusted[i]
 * below alpha keeps the chance of any false alarm in the family below alpha. NaN (no test was made)
 * stays NaN and does not count. */
void interval_adjust_holm(const double *p_values, size_t n, double *out_adjusted);
