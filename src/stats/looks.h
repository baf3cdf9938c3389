/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * looks: stopping early without bias.
 *
 * Who stops when an ordinary 95 % interval happens to look good is wrong more often than 5 %. Here
 * the looks (after how many blocks the intervals are read) are fixed before the first block, and
 * the error alpha = 1 - level is spent over them in proportion to the blocks: the look at n_k of
 * n_max uses alpha_k = alpha (n_k - n_{k-1}) / n_max. That is the linear spending function of Lan
 * and DeMets (Discrete sequential boundaries for clinical trials, Biometrika 70, 1983; Kim and
 * DeMets, Biometrika 74, 1987, rho = 1) with the spent parts simply added up (Bonferroni). Their
 * sharper boundaries assume a known variance; with Student's t from 3 blocks on they let 5.4 to 5.9
 * % through in place of 5, while the sum holds for any data for which each single interval holds,
 * whatever the rule for stopping at a look.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "stats/interval.h"

#define LOOKS_MAX 64

struct looks {
    double level;        /* over all looks together: 0.95 */
    uint64_t max_blocks; /* the last look */
    size_t count;
    uint64_t blocks[LOOKS_MAX]; /* ascending; the numbers of blocks done at which to look */
    double levels[LOOKS_MAX];   /* of the interval at that look: 1 - alpha_k */
};

/* Looks at first_blocks (at least 2), then at half as many more each time, rounded up: 3, 5, 8, 12,
 * 18, 27, 41, ..., and at max_blocks; a look is left out where max_blocks is less than a quarter
 * away. first_blocks >= max_blocks gives one look at max_blocks with the whole alpha. -EINVAL:
 * max_blocks < 2 or beyond 1e9, or level outside (0, 1). */
int looks_init(struct looks *looks, uint64_t first_blocks, uint64_t max_blocks, double level)
    __attribute__((warn_unused_result));

/* The level of an interval over the first `blocks` blocks: at a look its own; between looks, when
 * the campaign ended there for a reason other than its results (budget, interruption), the alpha
 * that has accrued since the look before. 0 blocks: NaN; beyond max_blocks: of the last look. */
double looks_level_at(const struct looks *looks, uint64_t blocks);

enum looks_decision {
    LOOKS_NOT_NOW, /* not the time to look: go on */
    LOOKS_GO_ON,   /* a look, and some interval is too wide */
    LOOKS_NARROW,  /* a look, and every interval is narrow enough: stop */
    LOOKS_LAST,    /* the last look: stop */
};

struct looks_reading {
    enum looks_decision decision;
    size_t wide;        /* intervals that are too wide or could not be made */
    double worst_width; /* largest relative half width of those that could be made; NaN: none */
};

/* ratios: one interval per cell but the baseline's, each at looks_level_at(blocks); width: the
 * relative half width (hi - lo) / (2 estimate) that is narrow enough, 0 for "never". */
struct looks_reading looks_read(const struct looks *looks, uint64_t blocks,
                                const struct interval *ratios, size_t count, double width);
