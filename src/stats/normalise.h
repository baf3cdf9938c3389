/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * normalise: from the values of trials to performance relative to the baseline cell, with intervals
 * and a verdict: all that a report shows about one cell.
 *
 * Performance is higher-is-better by construction: the value itself, or 1 / value of a time or
 * another cost. A ratio of 1 is the baseline. Within a block cell and baseline ran close together
 * in time, so the ratio is taken block by block and drift of the host cancels out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "stats/comparison.h"
#include "stats/interval.h"

/* How the values of machines that ran side by side become one performance. */
struct normalise_metric {
    bool higher_is_better;
    bool adds_up; /* the sum over machines means something */
};

/* Performance of one value: value or 1 / value. NaN unless the value is finite and > 0. */
double normalise_performance(double value, bool higher_is_better);

/* The consolidated performance of machines side by side:
 *   higher is better, adds up (throughput)      sum of values
 *   lower is better, does not add up (time)     sum of 1 / value: work done per unit of time
 *   lower is better, adds up (a cost)           1 / sum of values
 *   higher is better, does not add up (a share) mean of values
 * NaN when there is none, or one is not finite and > 0. */
double normalise_consolidate(const double *values, size_t machines,
                             const struct normalise_metric *metric);

/* One trial of a cell. Trials that failed or are invalid are passed too, with ok false: their block
 * is then not paired, and counted. */
struct normalise_trial {
    uint64_t block;
    double performance; /* from normalise_performance() or normalise_consolidate() */
    bool ok;
};

struct normalise_options {
    double level;     /* of the intervals; 0: 0.95. With looks: looks_level_at() */
    double margin;    /* difference that does not matter; 0: none */
    size_t resamples; /* 0: INTERVAL_RESAMPLES */
    uint64_t seed;    /* of the bootstrap */
};

/* One block in which both cells have a good trial (paired), or one good trial (value). */
struct normalise_point {
    uint64_t block;
    double value; /* ratio cell / baseline */
    bool outlier; /* marked among its like, and still counted */
};

struct normalise_result {
    size_t pairs;             /* n of the ratio */
    size_t unpaired_cell;     /* good trials of the cell without a good one of the baseline */
    size_t unpaired_baseline; /* and the other way round */
    size_t repeated;          /* further good trials of a block that had one: not used */
    size_t outliers;
    struct interval ratio; /* geometric mean ratio with Student's t interval on the logs */
    struct interval bca;   /* the same with the BCa bootstrap, for a cross-check */
    double margin;
    struct comparison comparison; /* of ratio: the verdict */
    enum verdict bca_verdict;
    bool disagree;                  /* comparison_disagrees(ratio, bca) */
    struct normalise_point *points; /* `pairs` of them, ascending by block */
};

/* Pairs by block id. A performance that is not finite and > 0 in an ok trial leads to
 * VERDICT_UNDECIDED with INTERVAL_NOT_FINITE, never to its silent removal. */
struct normalise_result normalise_paired(const struct normalise_trial *cell, size_t cell_count,
                                         const struct normalise_trial *baseline,
                                         size_t baseline_count,
                                         const struct normalise_options *options);
void normalise_result_done(struct normalise_result *result);
#define CLEANUP_NORMALISE CLEANUP(normalise_result_done)

struct normalise_change {
    size_t before_count; /* good trials */
    size_t after_count;
    struct interval ratio; /* after / before: geometric mean ratio, Welch on the logs */
    double margin;
    struct comparison comparison;
};

/* Two campaigns that share no blocks: unpaired. seed and resamples are not used. */
struct normalise_change normalise_unpaired(const struct normalise_trial *before,
                                           size_t before_count, const struct normalise_trial *after,
                                           size_t after_count,
                                           const struct normalise_options *options);
