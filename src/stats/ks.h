/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ks: does a sample come from a given continuous distribution? The Kolmogorov-Smirnov test.
 *
 * The distribution must be given beforehand: parameters estimated from the same sample make the p
 * value far too large.
 */
#pragma once

#include <stddef.h>

struct ks {
    size_t n;
    double statistic; /* D: largest distance between the sample's distribution function and cdf */
    double p_value;   /* P(D or more | the sample is from cdf); NaN without values or for NaN */
};

/* P(X <= x) of the distribution; context is the caller's. */
typedef double ks_cdf(double x, const void *context);

struct ks ks_of(const double *values, size_t n, ks_cdf *cdf, const void *context);

/* P(D_n < d). Exact for n <= 140 and wherever n d is small (Marsaglia, Tsang, Wang, Evaluating
 * Kolmogorov's distribution, J. Stat. Softw. 8(18), 2003, by Durbin's matrix; their formula for the
 * far tail); beyond, Kolmogorov's limit at x + 1 / (6 sqrt n) + (x - 1) / (4 n), x = d sqrt n
 * (Vrbik, Small-sample corrections to Kolmogorov-Smirnov test statistic, Pioneer J. Theor. Appl.
 * Statist. 15, 2018): off by at most 1.3e-4, where Stephens' older correction is off by 1e-2. */
double ks_distribution(size_t n, double d);
