/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/ks.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/summary.h"

#define EXACT_VALUES_MAX 140
#define EXACT_SIZE_MAX 40 /* rows of the matrix beyond EXACT_VALUES_MAX */
#define SCALE_STEP 1e140

/* A square matrix times 10^exponent: powers of n beyond the range of double are met on the way. */
struct matrix {
    double *cells;
    size_t size;
    int exponent;
};

static void matrix_multiply(const struct matrix *a, const struct matrix *b, struct matrix *out)
{
    size_t size = a->size;
    for (size_t i = 0; i < size; i++) {
        for (size_t j = 0; j < size; j++) {
            double sum = 0;
            for (size_t k = 0; k < size; k++)
                sum += a->cells[i * size + k] * b->cells[k * size + j];
            out->cells[i * size + j] = sum;
        }
    }
    out->exponent = a->exponent + b->exponent;
    if (out->cells[(size / 2) * size + size / 2] > SCALE_STEP) {
        for (size_t i = 0; i < size * size; i++)
            out->cells[i] /= SCALE_STEP;
        out->exponent += 140;
    }
}

/* into = base^power; base is used up. */
static void matrix_raise(struct matrix *base, size_t power, struct matrix *into)
{
    size_t bytes = base->size * base->size * sizeof(double);
    CLEANUP_FREE double *cells = mem_alloc(bytes);
    struct matrix product = {.cells = cells, .size = base->size};
    memset(into->cells, 0, bytes);
    for (size_t i = 0; i < into->size; i++)
        into->cells[i * into->size + i] = 1;
    for (; power; power /= 2) {
        if (power % 2) {
            matrix_multiply(into, base, &product);
            memcpy(into->cells, product.cells, bytes);
            into->exponent = product.exponent;
        }
        matrix_multiply(base, base, &product);
        memcpy(base->cells, product.cells, bytes);
        base->exponent = product.exponent;
    }
}

/* Durbin's matrix for n d = k - h: 1/(i - j + 1)! below and on the first upper diagonal, with the
 * first column and the last row shortened by powers of h. */
static void fill_durbin(struct matrix *matrix, double h)
{
    size_t size = matrix->size;
    double *cells = matrix->cells;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            cells[i * size + j] = i + 1 >= j ? 1 : 0;
    for (size_t i = 0; i < size; i++) {
        cells[i * size] -= pow(h, (double)i + 1);
        cells[(size - 1) * size + i] -= pow(h, (double)(size - i));
    }
    if (2 * h > 1)
        cells[(size - 1) * size] += pow(2 * h - 1, (double)size);
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size && j <= i; j++)
            cells[i * size + j] /= tgamma((double)(i - j) + 2);
}

static double exact_distribution(size_t n, double d)
{
    size_t k = (size_t)((double)n * d) + 1, size = 2 * k - 1;
    CLEANUP_FREE double *cells = mem_array(size * size, sizeof(*cells));
    CLEANUP_FREE double *power_cells = mem_array(size * size, sizeof(*power_cells));
    struct matrix matrix = {.cells = cells, .size = size};
    struct matrix power = {.cells = power_cells, .size = size};
    fill_durbin(&matrix, (double)k - (double)n * d);
    matrix_raise(&matrix, n, &power);
    /* times n! / n^n, which underflows on its own */
    double result = power.cells[(k - 1) * size + k - 1];
    double exponent = power.exponent;
    for (size_t i = 1; i <= n; i++) {
        result *= (double)i / (double)n;
        if (result < 1 / SCALE_STEP) {
            result *= SCALE_STEP;
            exponent -= 140;
        }
    }
    return fmin(1, fmax(0, result * pow(10, exponent)));
}

/* The limit of P(sqrt(n) D > lambda): two forms of one theta function, each where it converges. */
static double limit_survival(double lambda)
{
    double sum = 0;
    if (lambda < 1.18) {
        for (int k = 1; k <= 20; k++)
            sum += exp(-(2 * k - 1) * (2 * k - 1) * M_PI * M_PI / (8 * lambda * lambda));
        return 1 - sqrt(2 * M_PI) / lambda * sum;
    }
    for (int k = 1; k <= 20; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * lambda * lambda);
    return sum;
}

/* P(D_n >= d), with the digits of small p values. */
static double survival(size_t n, double d)
{
    double nd = (double)n * d, root = sqrt((double)n);
    if (nd <= 0.5)
        return 1;
    if (d >= 1)
        return 0;
    /* beyond this p is under 1e-6, where the exact way has lost its digits */
    bool far = nd * d > 7.24;
    size_t size = 2 * ((size_t)nd + 1) - 1;
    if (n <= EXACT_VALUES_MAX && far)
        return 2 * exp(-(2.000071 + 0.331 / root + 1.409 / (double)n) * nd * d);
    if (n <= EXACT_VALUES_MAX || (size <= EXACT_SIZE_MAX && !far))
        return 1 - exact_distribution(n, d);
    double x = root * d;
    return fmax(0, fmin(1, limit_survival(x + 1 / (6 * root) + (x - 1) / (4 * (double)n))));
}

double ks_distribution(size_t n, double d)
{
    if (n == 0 || isnan(d))
        return NAN;
    return 1 - survival(n, d);
}

struct ks ks_of(const double *values, size_t n, ks_cdf *cdf, const void *context)
{
    struct ks result = {.n = n, .statistic = NAN, .p_value = NAN};
    if (n == 0)
        return result;
    CLEANUP_FREE double *sorted = summary_sort(values, n);
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double share = cdf(sorted[i], context);
        if (!(share >= 0 && share <= 1))
            return result;
        double above = (double)(i + 1) / (double)n - share;
        double below = share - (double)i / (double)n;
        most = fmax(most, fmax(above, below));
    }
    result.statistic = most;
    result.p_value = survival(n, most);
    return result;
}
