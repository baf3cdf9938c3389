/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bout: one run of a crowd with its verdict.
 */
#pragma once

#include "base/error.h"
#include "load/crowd.h"
#include "load/verdict.h"

/* Lengths of a run. */
struct bout_profile {
    const char *name;
    uint64_t ramp_ns;
    uint64_t warm_up_ns;
    uint64_t iteration_ns;
    unsigned iterations;
    uint64_t think_mean_ns;
    bool midway; /* shoppers come in at any page: there is no time for them to spread out */
    bool climbs; /* how the capacity is found unless something else is asked for */
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

/* What the load side did up to a moment. */
struct bout_sample {
    uint64_t elapsed_ns;          /* since the start of the run */
    uint64_t load_cpu_ns;         /* of the load threads */
    uint64_t back_end_elapsed_ns; /* on the back end's clock */
    uint64_t back_end_busy_ns;
};

struct bout {
    uint32_t sessions;
    double began_s; /* the run, in seconds since the epoch */
    unsigned from; /* iterations that count, both inclusive: the one whose share of good pages is */
    unsigned to;   /* the median; of a climb, a step */
    uint64_t start_ns;  /* of them, since the start of the run */
    uint64_t window_ns; /* their length */
    struct score score; /* of them, all shops together */
    struct verdict verdict;
    bool fails_by_raw; /* too few pages are good even from their actual start */
    enum bout_limit limit;
    double load_busy_share;     /* of the load threads' CPU time */
    double back_end_busy_share; /* NaN: not looked at */
    struct crowd_result crowd;
    struct bout_sample *samples; /* one a second */
    size_t sample_count;
    bool back_end_lost; /* it did not answer, or was reset under way */
};

/* Resets the back end, lets the crowd in, judges. *out_bout is the caller's to bout_done(). */
int bout_run(const struct bout_options *options, struct bout *out_bout, struct error *err)
    __attribute__((warn_unused_result));
/* Judges other iterations of a run than bout_run() has chosen. */
void bout_judge(const struct bout_options *options, struct bout *bout, unsigned from, unsigned to);
void bout_done(struct bout *bout);
const char *bout_limit_text(enum bout_limit limit);
/* What one shop alone adds to bout->score; the caller's to score_done(). */
void bout_merge_shop(const struct bout *bout, unsigned shop, struct score *out_score);
/* The verdict of one shop alone. */
struct verdict bout_judge_shop(const struct bout *bout, const struct verdict_options *options,
                               unsigned shop);
/* Passed, and valid. */
bool bout_is_good(const struct bout *bout);
/* Not passed, and that counts: valid, or flawed by nothing but a late generator while the pages
 * fail from their actual starts too. A late generator offers less load than it should, so that a
 * machine which cannot serve that cannot serve more. */
bool bout_is_refused(const struct bout *bout);
