/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/attribution.h"

#include "base/mem.h"

struct attribution attribution_of(const double *gaps, size_t pair_count,
                                  const struct attribution_cause *causes, size_t cause_count,
                                  double level, struct interval *out_causes)
{
    CLEANUP_FREE double *rest = mem_array(pair_count + 1, sizeof(*rest));
    for (size_t i = 0; i < pair_count; i++)
        rest[i] = gaps[i];
    for (size_t c = 0; c < cause_count; c++) {
        out_causes[c] = interval_student(causes[c].values, pair_count, level);
        if (out_causes[c].state == INTERVAL_NOT_FINITE)
            continue;
        for (size_t i = 0; i < pair_count; i++)
            rest[i] -= causes[c].values[i];
    }
    return (struct attribution){
        .gap = interval_student(gaps, pair_count, level),
        .unexplained = interval_student(rest, pair_count, level),
    };
}
