/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * distribution: the probability distributions behind the intervals and tests.
 *
 * Relative error about 1e-12 over ordinary arguments and 1e-10 for degrees of freedom up to 1e6,
 * in the tails too: whichever tail is the smaller one is computed, not taken from 1. An argument
 * outside the domain, or NaN, gives NaN. DLMF is the NIST Digital Library of Mathematical
 * Functions.
 */
#pragma once

/* Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P; a > 0, x >= 0.
 * Series DLMF 8.11.4, continued fraction DLMF 8.9.2. */
double distribution_gamma_lower(double a, double x);
double distribution_gamma_upper(double a, double x);

/* Regularised incomplete beta function I_x(a, b); a, b > 0, 0 <= x <= 1. Continued fraction DLMF
 * 8.17.22, symmetry 8.17.4. */
double distribution_beta(double a, double b, double x);

/* Standard normal. Abramowitz and Stegun 26.2.29 (by erfc), the quantile by Halley's method from
 * 26.2.23; 0 gives -INFINITY and 1 gives INFINITY. */
double distribution_normal_cdf(double z);
double distribution_normal_quantile(double p);

/* Student's t with df > 0 degrees of freedom, which need not be whole; INFINITY is the normal.
 * Abramowitz and Stegun 26.7.1 by the incomplete beta function. */
double distribution_student_cdf(double t, double df);
/* P(|T| >= |t|). */
double distribution_student_two_sided(double t, double df);
double distribution_student_quantile(double p, double df);

/* Chi-square with df > 0. Abramowitz and Stegun 26.4.19. Survival is P(X >= x), for p values. */
double distribution_chi_square_cdf(double x, double df);
double distribution_chi_square_survival(double x, double df);
double distribution_chi_square_quantile(double p, double df);
