/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/chisquare.h"

#include <math.h>

#include "stats/distribution.h"

/* What a class adds to the statistic. */
static double part_of(uint64_t observed, double expected)
{
    double off = (double)observed - expected;
    if (expected == 0)
        return observed ? INFINITY : 0;
    return off * off / expected;
}

struct chisquare chisquare_of(const uint64_t *observed, const double *shares, size_t classes)
{
    struct chisquare result = {.statistic = NAN, .df = NAN, .p_value = NAN, .least_expected = NAN};
    double share_sum = 0;
    size_t used = 0;
    for (size_t i = 0; i < classes; i++) {
        if (!(shares[i] >= 0) || isinf(shares[i]))
            return result;
        share_sum += shares[i];
        used += shares[i] > 0;
        result.total += observed[i];
    }
    if (used < 2 || result.total == 0 || isinf(share_sum))
        return result;
    double worst = -1;
    result.statistic = 0;
    for (size_t i = 0; i < classes; i++) {
        double expected = (double)result.total * (shares[i] / share_sum);
        double part = part_of(observed[i], expected);
        result.statistic += part;
        if (shares[i] > 0)
            result.least_expected = fmin(result.least_expected, expected);
        if (part > worst) {
            worst = part;
            result.worst = i;
        }
    }
    result.sparse = result.least_expected < 5;
    result.df = (double)(used - 1);
    result.p_value = distribution_chi_square_survival(result.statistic, result.df);
    return result;
}
