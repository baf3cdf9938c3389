/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * search: the largest number of sessions that passes, as a state machine without clock or I/O: ask
 * for the next number to try, try it, tell what came of it.
 *
 * It doubles or halves from the start until one number passes and a larger one does not, bisects to
 * the step, and then tries both ends once more: S has to pass again and S + step has to be refused
 * again. Where one of them does not, the bracket moves on from there. A run that is invalid is
 * tried again once, and counts as not passed after that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEARCH_TRIALS_MAX 64

struct search_options {
    uint32_t start;  /* 0: 16 steps */
    uint32_t step;   /* 0: 1; all numbers tried are multiples of it */
    double share;    /* a gap of this share of what passed is narrow enough as well; 0: none */
    uint32_t most;   /* sessions that are possible at all; 0: no bound */
    unsigned trials; /* at most; 0: SEARCH_TRIALS_MAX */
};

enum search_outcome { SEARCH_PASSED, SEARCH_FAILED, SEARCH_INVALID };

enum search_state {
    SEARCH_GOES_ON,
    SEARCH_CONFIRMED, /* capacity passed twice, capacity + step was refused twice */
    SEARCH_AT_MOST,   /* `most` passes: the capacity is that or more */
    SEARCH_NONE,      /* not even one step passes */
    SEARCH_GIVEN_UP,  /* out of trials: capacity is the largest that passed, unconfirmed */
    SEARCH_CLIMBED,   /* not searched: seen while the crowd of one run grew (climb.h) */
};

struct search_trial {
    uint32_t sessions;
    enum search_outcome outcome;
};

struct search {
    struct search_options options;
    enum search_state state;
    uint32_t passed;  /* the largest bound from below, 0: none; in steps like all here */
    uint32_t refused; /* the smallest bound from above, 0: none */
    uint32_t next;
    unsigned passes;   /* how often `passed` did in a row */
    unsigned refusals; /* how often `refused` was */
    bool again;        /* `next` was invalid once */
    unsigned trial_count;
    struct search_trial trials[SEARCH_TRIALS_MAX];
};

void search_init(struct search *search, const struct search_options *options);
/* Sessions to try; 0 when the search is over. */
uint32_t search_next(const struct search *search);
void search_tell(struct search *search, enum search_outcome outcome);
/* Sessions; 0 where none passed. */
uint32_t search_capacity(const struct search *search);
/* In words, for people. */
const char *search_state_text(enum search_state state);
