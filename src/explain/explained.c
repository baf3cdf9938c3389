/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/explained.h"

#include <math.h>

#include "stats/summary.h"

struct explained explained_of(const double *values, size_t count, double level)
{
    struct explained explained = {.mean = NAN, .interval = interval_student(values, count, level)};
    for (size_t i = 0; i < count; i++)
        explained.n += isfinite(values[i]) != 0;
    if (explained.n == count && count > 0)
        explained.mean = summary_of(values, count).mean;
    return explained;
}
