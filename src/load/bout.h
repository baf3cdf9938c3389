/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bout: one run of a crowd with its verdict, and the search for the largest crowd that passes.
 */
#pragma once

#include "base/error.h"
#include "load/crowd.h"
#include "load/search.h"
#include "load/verdict.h"

/* Lengths of a run. */
struct bout_profile {
    const char *name;
    uint64_t ramp_ns;
    uint64_t warm_up_ns;
    uint64_t iteration_ns;
    unsigned iterations;
    uint64_t think_mean_ns;
};

/* rated: 300 s, 300 s, 3 x 30 min, 10 s. quick: seconds, with shorter thinking, so that its numbers
 * are no rated ones: the same machine serves fewer sessions that think less. */
extern const struct bout_profile bout_profiles[]; /* "quick", "rated", NULL */

/* Fills the lengths of options that are 0. */
void bout_apply_profile(struct crowd_options *options, const struct bout_profile *profile);

struct bout_options {
    struct crowd_options crowd;
    struct verdict_options verdict;
    const char *back_end;             /* "ADDRESS:PORT" of the simulator; NULL: none to look at */
    uint32_t directories_per_session; /* of the world, for the back end */
};

/* Why a run did not do better. */
enum bout_limit {
    BOUT_LIMIT_NONE,      /* it passed */
    BOUT_LIMIT_LATENCY,   /* too many pages were late */
    BOUT_LIMIT_ERRORS,    /* too many requests failed */
    BOUT_LIMIT_LOAD_SIDE, /* the generator was late or out of CPU */
    BOUT_LIMIT_BACK_END,  /* the back end was busy */
    BOUT_LIMIT_OTHER,     /* invalid for another reason */
};

struct bout {
    uint32_t sessions;
    unsigned median;    /* the iteration that counts: its share of good pages is the median */
    struct score score; /* of it, all shops together */
    struct verdict verdict;
    enum bout_limit limit;
    double load_busy_share;     /* of the load threads' CPU time */
    double back_end_busy_share; /* NaN: not looked at */
    struct crowd_result crowd;
};

/* Resets the back end, lets the crowd in, judges. *out_bout is the caller's to bout_done(). */
int bout_run(const struct bout_options *options, struct bout *out_bout, struct error *err)
    __attribute__((warn_unused_result));
void bout_done(struct bout *bout);
const char *bout_limit_text(enum bout_limit limit);
/* The verdict of one shop alone, on the bout's median iteration. */
struct verdict bout_judge_shop(const struct bout *bout, const struct verdict_options *options,
                               unsigned shop);

struct capacity {
    struct search search;
    struct bout at;     /* the last bout of the capacity itself; sessions 0: none passed */
    struct bout beyond; /* the last refused one of capacity + step or so; sessions 0: none */
};

struct capacity_options {
    struct bout_options bout; /* sessions are set by the search */
    struct search_options search;
    void (*tell)(void *context, const struct bout *bout); /* after each one; NULL: none */
    void *tell_context;
};

int capacity_find(const struct capacity_options *options, struct capacity *out_capacity,
                  struct error *err) __attribute__((warn_unused_result));
void capacity_done(struct capacity *capacity);
