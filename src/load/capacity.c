/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/capacity.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "load/climb.h"

#define START_SESSIONS 8

static enum search_outcome outcome_of(const struct bout *bout)
{
    if (bout_is_good(bout))
        return SEARCH_PASSED;
    return bout_is_refused(bout) ? SEARCH_FAILED : SEARCH_INVALID;
}

static double share_of(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void note_step(struct capacity *capacity, const struct bout *bout, uint64_t start_ns)
{
    size_t used = capacity->step_count;
    struct score_page total = score_total(&bout->score);
    capacity->steps = mem_resize_array(capacity->steps, used + 1, sizeof(capacity->steps[0]));
    capacity->steps[capacity->step_count++] = (struct capacity_step){
        .sessions = bout->sessions,
        .outcome = outcome_of(bout),
        .good = share_of(total.good, total.views),
        .tolerable = share_of(total.tolerable, total.views),
        .failed = bout->verdict.failed_share,
        .pages_per_s = (double)total.views * 1e9 / (double)bout->window_ns,
        .p50_ns = hdr_quantile(&bout->score.planned, 0.5),
        .p90_ns = hdr_quantile(&bout->score.planned, 0.9),
        .p99_ns = hdr_quantile(&bout->score.planned, 0.99),
        .start_ns = start_ns,
        .length_ns = bout->window_ns,
    };
}

/* Bisecting. */

static void replace(struct bout *kept, struct bout *bout)
{
    bout_done(kept);
    *kept = *bout;
    *bout = (struct bout){0};
}

/* Keeps the bouts that a report shows: the largest that passed and the smallest that did not. */
static void keep(struct capacity *capacity, struct bout *bout)
{
    const struct search *search = &capacity->search;
    if (bout_is_good(bout) && bout->sessions == search_capacity(search))
        replace(&capacity->at, bout);
    else if (!bout_is_good(bout) && bout->sessions == search->refused * search->options.step)
        replace(&capacity->beyond, bout);
}

static int try(const struct capacity_options *options, struct capacity *capacity, struct error *err)
{
    struct bout bout;
    struct bout_options run = options->bout;
    run.crowd.sessions = search_next(&capacity->search);
    run.crowd.seed = options->bout.crowd.seed + capacity->search.trial_count;
    if (run.crowd.threads > run.crowd.sessions)
        run.crowd.threads = run.crowd.sessions;
    int rc =
        options->prepare ? options->prepare(options->prepare_context, run.crowd.sessions, err) : 0;
    rc = rc < 0 ? rc : bout_run(&run, &bout, err);
    if (rc < 0)
        return error_prefix(err, "%" PRIu32 " sessions", run.crowd.sessions);
    if (bout.crowd.interrupted)
        rc = error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    if (rc == 0) {
        search_tell(&capacity->search, outcome_of(&bout));
        note_step(capacity, &bout, 0);
        if (options->tell)
            options->tell(options->tell_context, &bout);
        keep(capacity, &bout);
    }
    bout_done(&bout);
    return rc;
}

static int bisect(const struct capacity_options *options, struct capacity *capacity,
                  struct error *err)
{
    int rc = 0;
    while (rc == 0 && search_next(&capacity->search) > 0)
        rc = try(options, capacity, err);
    /* Out of trials before the present bound was tried again. */
    if (capacity->at.sessions != search_capacity(&capacity->search))
        bout_done(&capacity->at);
    return rc;
}

/* Climbing. */

struct climb {
    const struct capacity_options *options;
    struct bout_options run;
    struct climb_rules rules;
    struct bout *bout;
    struct capacity *capacity;
    double passed; /* sessions and share of late pages of the last step that passed */
    double passed_late;
};

static uint32_t steer(void *context, const struct crowd_step *steps, unsigned at, uint64_t loading)
{
    const struct climb *climb = context;
    return climb_steer(&climb->rules, steps, at, loading);
}

static int plan_climb(struct climb *climb, struct error *err)
{
    const struct capacity_options *options = climb->options;
    struct crowd_options *crowd = &climb->run.crowd;
    climb->run = options->bout;
    crowd->sessions = options->search.most ? options->search.most : CROWD_SESSIONS_MAX;
    uint32_t start = options->search.start ? options->search.start : START_SESSIONS;
    start = start > crowd->shop_count ? start : crowd->shop_count;
    crowd->steering = (struct crowd_steering){steer, climb, start};
    crowd->ramp_ns = CAPACITY_CLIMB_RAMP_NS;
    crowd->warm_up_ns = CAPACITY_CLIMB_WARM_UP_NS;
    crowd->iterations = CROWD_ITERATIONS_MAX;
    crowd->iteration_ns = CAPACITY_CLIMB_MAX_NS / CROWD_ITERATIONS_MAX;
    int rc = crowd_options_complete(crowd, err);
    double good_share = options->bout.verdict.good_share;
    climb->rules = (struct climb_rules){
        .good_share = good_share > 0 ? good_share : VERDICT_GOOD_SHARE,
        .good_ns = crowd->limits.good_ns,
        .think_mean_ns = crowd->think_mean_ns,
        .most = crowd->sessions,
    };
    return rc;
}

/* Pages of the step that are not good: those that ended so, and those that were still under way
 * when the run had gone on for longer than the good time. */
static double late_share(const struct climb *climb, unsigned at)
{
    const struct crowd_result *crowd = &climb->bout->crowd;
    const struct crowd_step *step = &crowd->steps[at];
    bool is_over = step->start_ns + step->length_ns + climb->rules.good_ns <= crowd->duration_ns;
    return share_of(step->late + (is_over ? step->begun - step->ended : 0), step->begun);
}

/* A bout that shares nothing with the run whose window it shows. */
static void copy_window(const struct climb *climb, struct bout *out_bout)
{
    struct bout copy = *climb->bout;
    copy.samples = NULL;
    copy.sample_count = 0;
    copy.crowd.shops = 0;
    copy.crowd.scores = NULL;
    copy.crowd.steps = NULL;
    copy.crowd.seconds = NULL;
    copy.crowd.second_count = 0;
    copy.crowd.intervals = NULL;
    copy.crowd.interval_count = 0;
    score_init(&copy.score);
    score_add(&copy.score, &climb->bout->score);
    *out_bout = copy;
}

/* Judges a step. true: it is refused, and the climb is over. */
static bool is_step_refused(struct climb *climb, unsigned at)
{
    struct bout *bout = climb->bout;
    struct search *search = &climb->capacity->search;
    double late = late_share(climb, at), allowed = 1 - climb->rules.good_share;
    bout->sessions = bout->crowd.steps[at].sessions;
    bout_judge(&climb->run, bout, at, at);
    bool is_late = late > allowed;
    if (is_late && bout->verdict.answer == VERDICT_PASSED) {
        bout->verdict.answer = VERDICT_FAILED;
        bout->verdict.good_failed = true;
        bout->limit = BOUT_LIMIT_LATENCY;
    }
    note_step(climb->capacity, bout, bout->start_ns);
    if (bout->verdict.answer == VERDICT_PASSED) {
        climb->passed = bout->sessions;
        climb->passed_late = late;
        search->passed = bout->sessions;
        return false;
    }
    search->refused = bout->sessions;
    if (is_late)
        search->passed =
            (uint32_t)climb_cross(climb->passed, climb->passed_late, bout->sessions, late, allowed);
    copy_window(climb, &climb->capacity->beyond);
    return true;
}

/* Goes through the steps; the last that passed is what `at` shows in the end. */
static void judge_climb(struct climb *climb)
{
    struct bout *bout = climb->bout;
    struct search *search = &climb->capacity->search;
    bool refused = false;
    unsigned at = 0;
    for (; at < bout->crowd.iterations && bout->crowd.steps[at].begun > 0 && !refused; at++)
        refused = is_step_refused(climb, at);
    search->state = !refused ? SEARCH_AT_MOST : search->passed > 0 ? SEARCH_CLIMBED : SEARCH_NONE;
    if (search->passed == 0)
        return;
    bout->sessions = search->passed;
    unsigned last = at - 1 - refused;
    bout_judge(&climb->run, bout, last, last);
}

/* One climb from so many sessions. */
static int climb_once(const struct capacity_options *options, struct capacity *capacity,
                      struct error *err)
{
    struct bout bout;
    struct climb climb = {.options = options, .bout = &bout, .capacity = capacity};
    int rc = plan_climb(&climb, err);
    rc = rc < 0 ? rc : bout_run(&climb.run, &bout, err);
    if (rc < 0)
        return rc;
    if (bout.crowd.interrupted) {
        bout_done(&bout);
        return error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    }
    if (options->tell)
        options->tell(options->tell_context, &bout);
    judge_climb(&climb);
    if (capacity->search.passed > 0)
        capacity->at = bout;
    else
        bout_done(&bout);
    return 0;
}

/* A slow machine is begun with anew, with a quarter, when it cannot serve the first step. */
static int climb_up(const struct capacity_options *options, struct capacity *capacity,
                    struct error *err)
{
    struct capacity_options climb = *options;
    uint32_t least = options->bout.crowd.shop_count;
    uint32_t start = options->search.start ? options->search.start : START_SESSIONS;
    for (;; start /= 4) {
        climb.search.start = start > least ? start : least;
        int rc = climb_once(&climb, capacity, err);
        if (rc < 0 || capacity->search.state != SEARCH_NONE || start <= least)
            return rc;
        bout_done(&capacity->beyond);
        capacity->step_count = 0;
    }
}

int capacity_find(const struct capacity_options *options, struct capacity *out_capacity,
                  struct error *err)
{
    struct capacity capacity = {.method = options->method};
    struct search_options search = options->search;
    if (options->method == CAPACITY_CLIMB)
        search.step = 1;
    search_init(&capacity.search, &search);
    int rc = options->method == CAPACITY_CLIMB ? climb_up(options, &capacity, err)
                                               : bisect(options, &capacity, err);
    if (rc < 0) {
        capacity_done(&capacity);
        return rc;
    }
    *out_capacity = capacity;
    return 0;
}

void capacity_done(struct capacity *capacity)
{
    bout_done(&capacity->at);
    bout_done(&capacity->beyond);
    free(capacity->steps);
    *capacity = (struct capacity){0};
}
