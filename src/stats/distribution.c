/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/distribution.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define ITERATIONS_MAX 100000
#define STIRLING_FROM 16.0
#define LOG_2PI 1.8378770664093454836
#define FRACTION_TINY 1e-300

/* Both tails of a distribution; the smaller one is exact to its last digits. */
struct tails {
    double lower;
    double upper;
};

/* lgamma() writes the global signgam. */
static double log_gamma(double a)
{
    int sign;
    return lgamma_r(a, &sign);
}

/* ln Gamma(a) - [(a - 1/2) ln a - a + ln(2 pi) / 2], a >= STIRLING_FROM (DLMF 5.11.1). Differences
 * of it keep the digits that differences of ln Gamma lose. */
static double stirling_rest(double a)
{
    double r = 1 / (a * a);
    return (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) / a;
}

/* ln(x^a e^-x / Gamma(a)) */
static double gamma_log_power(double a, double x)
{
    if (a < STIRLING_FROM)
        return a * log(x) - x - log_gamma(a);
    double off = (x - a) / a;
    return a * (log1p(off) - off) + 0.5 * (log(a) - LOG_2PI) - stirling_rest(a);
}

/* P(a, x) a Gamma(a) / (x^a e^-x) */
static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;
    for (int i = 1; i < ITERATIONS_MAX && term > sum * DBL_EPSILON / 4; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum;
}

static double not_zero(double x)
{
    return fabs(x) < FRACTION_TINY ? FRACTION_TINY : x;
}

/* Q(a, x) Gamma(a) / (x^a e^-x), by Lentz's method. */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a;
    double c = 1 / FRACTION_TINY;
    double d = 1 / not_zero(b);
    double result = d;
    for (int i = 1; i < ITERATIONS_MAX; i++) {
        double numerator = i * (a - i);
        b += 2;
        d = 1 / not_zero(numerator * d + b);
        c = not_zero(b + numerator / c);
        result *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return result;
}

static struct tails gamma_tails(double a, double x)
{
    if (!(a > 0) || !(x >= 0) || isinf(a))
        return (struct tails){NAN, NAN};
    if (x == 0)
        return (struct tails){0, 1};
    if (isinf(x))
        return (struct tails){1, 0};
    double power = exp(gamma_log_power(a, x));
    if (x < a + 1) {
        double lower = power / a * gamma_series(a, x);
        return (struct tails){lower, 1 - lower};
    }
    double upper = power * gamma_fraction(a, x);
    return (struct tails){1 - upper, upper};
}

double distribution_gamma_lower(double a, double x)
{
    return gamma_tails(a, x).lower;
}

double distribution_gamma_upper(double a, double x)
{
    return gamma_tails(a, x).upper;
}

/* ln B(a, b) for a >= b */
static double log_beta_ordered(double a, double b)
{
    if (a < STIRLING_FROM)
        return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
    double rest = stirling_rest(a) - stirling_rest(a + b) - (a - 0.5) * log1p(b / a);
    if (b < STIRLING_FROM)
        return log_gamma(b) + b - b * log(a + b) + rest;
    return 0.5 * (LOG_2PI - log(b)) + b * log(b / (a + b)) + stirling_rest(b) + rest;
}

static double log_beta(double a, double b)
{
    return a >= b ? log_beta_ordered(a, b) : log_beta_ordered(b, a);
}

/* The continued fraction of I_x(a, b), by Lentz's method; converges fast for x < (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1;
    double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
    double result = d;
    for (int m = 1; m < ITERATIONS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / not_zero(1 + even * d);
        c = not_zero(1 + even / c);
        result *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / not_zero(1 + odd * d);
        c = not_zero(1 + odd / c);
        result *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return result;
}

/* x and y = 1 - x with their logarithms, each exact: with large a or b the power x^a would multiply
 * the rounding error of x. */
struct beta_point {
    double x, y;
    double log_x, log_y;
};

static struct tails beta_tails(double a, double b, struct beta_point at)
{
    double power = exp(a * at.log_x + b * at.log_y - log_beta(a, b));
    if (at.x < (a + 1) / (a + b + 2)) {
        double lower = power / a * beta_fraction(a, b, at.x);
        return (struct tails){lower, 1 - lower};
    }
    double upper = power / b * beta_fraction(b, a, at.y);
    return (struct tails){1 - upper, upper};
}

double distribution_beta(double a, double b, double x)
{
    if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1) || isinf(a) || isinf(b))
        return NAN;
    if (x == 0 || x == 1)
        return x;
    return beta_tails(a, b, (struct beta_point){x, 1 - x, log(x), log1p(-x)}).lower;
}

/* A tail probability at e^u: its logarithm and the derivative of that by u. */
struct log_tail {
    double value;
    double slope;
};

struct tail_law {
    struct log_tail (*at)(const struct tail_law *law, double u);
    double df;
    bool upper;
};

/* Solves law(u) = log_p by Newton's method, kept inside what is known to bracket the root. In ln x
 * and ln p the tails are close to straight lines, so few steps are needed. */
static double invert_tail(const struct tail_law *law, double log_p, double guess)
{
    double lo = -INFINITY, hi = INFINITY, u = guess;
    for (int i = 0; i < 500; i++) {
        struct log_tail tail = law->at(law, u);
        double miss = tail.value - log_p;
        if (miss == 0)
            return u;
        if ((miss > 0) == law->upper)
            lo = u;
        else
            hi = u;
        double next = u - miss / tail.slope;
        if (!(next > lo && next < hi && fabs(next - u) < 4))
            next = isinf(lo) ? hi - 2 : isinf(hi) ? lo + 2 : (lo + hi) / 2;
        double step = fabs(next - u);
        u = next;
        if (step <= 2 * DBL_EPSILON * fmax(1, fabs(u)))
            break;
    }
    return u;
}

double distribution_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* z with P(Z >= z) = p, 0 < p <= 1/2 */
static double normal_upper_quantile(double p)
{
    double r = sqrt(-2 * log(p));
    double z = r - (2.515517 + r * (0.802853 + r * 0.010328)) /
                       (1 + r * (1.432788 + r * (0.189269 + r * 0.001308)));
    for (int i = 0; i < 4; i++) {
        /* miss / density, without the underflow of the density */
        double tail = 0.5 * erfc(z * M_SQRT1_2);
        double newton = (tail - p) / exp(-0.5 * z * z - 0.5 * LOG_2PI);
        if (!isfinite(newton))
            break;
        z += newton / (1 - 0.5 * z * newton);
    }
    return z;
}

double distribution_normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    if (p == 0.5)
        return 0;
    return p < 0.5 ? -normal_upper_quantile(p) : normal_upper_quantile(1 - p);
}

/* ln(1 + t^2 / df), t > 0, also where t^2 overflows */
static double log_spread(double t, double df)
{
    double square = t / df * t;
    return isinf(square) ? 2 * log(t) - log(df) : log1p(square);
}

/* P(T >= t), t > 0 */
static double student_upper(double t, double df)
{
    if (isinf(df))
        return 0.5 * erfc(t * M_SQRT1_2);
    if (isinf(t))
        return 0;
    double down = df / t / t, up = t / df * t;
    struct beta_point at = {
        .x = 1 / (1 + up), .y = 1 / (1 + down), .log_x = -log_spread(t, df), .log_y = -log1p(down)};
    return 0.5 * beta_tails(0.5 * df, 0.5, at).lower;
}

double distribution_student_cdf(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return NAN;
    if (t == 0)
        return 0.5;
    return t > 0 ? 1 - student_upper(t, df) : student_upper(-t, df);
}

double distribution_student_two_sided(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return NAN;
    return t == 0 ? 1 : 2 * student_upper(fabs(t), df);
}

static struct log_tail student_log_tail(const struct tail_law *law, double u)
{
    double t = exp(u), df = law->df;
    double tail = student_upper(t, df);
    double log_density =
        -0.5 * (df + 1) * log_spread(t, df) - 0.5 * log(df) - log_beta(0.5 * df, 0.5);
    return (struct log_tail){log(tail), -exp(log_density + u - log(tail))};
}

double distribution_student_quantile(double p, double df)
{
    if (!(p >= 0 && p <= 1) || !(df > 0))
        return NAN;
    if (isinf(df) || p == 0 || p == 0.5 || p == 1)
        return distribution_normal_quantile(p);
    double tail = p < 0.5 ? p : 1 - p;
    struct tail_law law = {.at = student_log_tail, .df = df, .upper = true};
    double t = exp(invert_tail(&law, log(tail), log(normal_upper_quantile(tail))));
    return p < 0.5 ? -t : t;
}

double distribution_chi_square_cdf(double x, double df)
{
    return x < 0 && df > 0 ? 0 : gamma_tails(0.5 * df, 0.5 * x).lower;
}

double distribution_chi_square_survival(double x, double df)
{
    return x < 0 && df > 0 ? 1 : gamma_tails(0.5 * df, 0.5 * x).upper;
}

static struct log_tail chi_square_log_tail(const struct tail_law *law, double u)
{
    double x = exp(u);
    struct tails tails = gamma_tails(0.5 * law->df, 0.5 * x);
    double tail = law->upper ? tails.upper : tails.lower;
    double steepness = exp(gamma_log_power(0.5 * law->df, 0.5 * x) - log(tail));
    return (struct log_tail){log(tail), law->upper ? -steepness : steepness};
}

double distribution_chi_square_quantile(double p, double df)
{
    if (!(p >= 0 && p <= 1) || !(df > 0) || isinf(df))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? 0 : INFINITY;
    struct tail_law law = {.at = chi_square_log_tail, .df = df, .upper = p > 0.5};
    /* Wilson and Hilferty's cube (Abramowitz and Stegun 26.4.17), and for its far lower tail the
     * first term of the series. */
    double spread = 2 / (9 * df);
    double cube = 1 - spread + distribution_normal_quantile(p) * sqrt(spread);
    double guess =
        cube > 0.1 ? log(df) + 3 * log(cube) : M_LN2 + 2 / df * (log(p) + log_gamma(0.5 * df + 1));
    return exp(invert_tail(&law, log(law.upper ? 1 - p : p), guess));
}
