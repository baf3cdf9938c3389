/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/bout.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "shop/besim.h"

/* A load thread that is busy for more than this has no room left to be on time. */
#define LOAD_BUSY_LIMIT 0.95

/* Shorter series say nothing about being steady. */
enum { STEADY_SECONDS_MIN = 30 };

const struct bout_profile bout_profiles[] = {
    {"quick", 3 * NS_PER_S, 5 * NS_PER_S, 5 * NS_PER_S, 1, 200 * NS_PER_MS},
    {"rated", 300 * NS_PER_S, 300 * NS_PER_S, 1800 * NS_PER_S, 3, 10 * NS_PER_S},
    {0},
};

static void complete(uint64_t *field, uint64_t fallback)
{
    if (*field == 0)
        *field = fallback;
}

void bout_apply_profile(struct crowd_options *options, const struct bout_profile *profile)
{
    complete(&options->ramp_ns, profile->ramp_ns);
    complete(&options->warm_up_ns, profile->warm_up_ns);
    complete(&options->iteration_ns, profile->iteration_ns);
    complete(&options->think_mean_ns, profile->think_mean_ns);
    if (options->iterations == 0)
        options->iterations = profile->iterations;
}

/* Looks at the back end while the crowd is measured. */
struct watch {
    const struct bout_options *options;
    uint64_t from_ns; /* of the measured part, since the start */
    uint64_t to_ns;
    struct besim_usage first;
    struct besim_usage last;
    bool has_first;
    bool lost; /* it did not answer, or was reset under way */
};

static void watch_back_end(struct watch *watch, uint64_t elapsed_ns)
{
    struct error err = {0};
    struct besim_usage now;
    if (elapsed_ns < watch->from_ns || elapsed_ns > watch->to_ns || watch->lost)
        return;
    if (besim_read_usage(watch->options->back_end, &now, &err) < 0) {
        log_warn("%s", err.text);
        watch->lost = true;
        return;
    }
    if (!watch->has_first)
        watch->first = now;
    watch->has_first = true;
    watch->last = now;
    watch->lost = now.elapsed_ns < watch->first.elapsed_ns;
}

static void show(void *context, const struct crowd_progress *progress)
{
    struct watch *watch = context;
    if (watch->options->back_end)
        watch_back_end(watch, progress->elapsed_ns);
    if (watch->options->crowd.show)
        watch->options->crowd.show(watch->options->crowd.show_context, progress);
}

static double busy_share(const struct watch *watch)
{
    uint64_t elapsed_ns = watch->last.elapsed_ns - watch->first.elapsed_ns;
    if (!watch->options->back_end || watch->lost || !watch->has_first || elapsed_ns == 0)
        return NAN;
    return (double)(watch->last.busy_ns - watch->first.busy_ns) / (double)elapsed_ns;
}

static void merge_shops(const struct crowd_result *crowd, unsigned iteration, struct score *score)
{
    score_init(score);
    for (unsigned shop = 0; shop < crowd->shops; shop++)
        score_add(score, crowd_score(crowd, shop, iteration));
}

/* The iteration that is the middle one by the share of good pages. */
static unsigned find_median(const struct crowd_result *crowd)
{
    double shares[CROWD_ITERATIONS_MAX];
    for (unsigned i = 0; i < crowd->iterations; i++) {
        uint64_t good = 0, views = 0;
        for (unsigned shop = 0; shop < crowd->shops; shop++) {
            struct score_page total = score_total(crowd_score(crowd, shop, i));
            good += total.good;
            views += total.views;
        }
        shares[i] = views ? (double)good / (double)views : 0;
    }
    for (unsigned i = 0; i < crowd->iterations; i++) {
        unsigned below = 0;
        for (unsigned k = 0; k < crowd->iterations; k++)
            below += shares[k] < shares[i] || (shares[k] == shares[i] && k < i);
        if (below == (crowd->iterations - 1) / 2)
            return i;
    }
    return 0;
}

/* Completed pages of the whole seconds of the iterations; the caller's to free, NULL: too few. */
static double *make_series(const struct crowd_options *options, const struct crowd_result *crowd,
                           size_t *out_count)
{
    uint64_t from = (options->ramp_ns + options->warm_up_ns + NS_PER_S - 1) / NS_PER_S;
    uint64_t to =
        (options->ramp_ns + options->warm_up_ns + options->iterations * options->iteration_ns) /
        NS_PER_S;
    to = to < crowd->second_count ? to : crowd->second_count;
    if (to < from + STEADY_SECONDS_MIN)
        return NULL;
    double *series = mem_array(to - from, sizeof(*series));
    for (uint64_t i = from; i < to; i++)
        series[i - from] = (double)crowd->seconds[i].pages;
    *out_count = to - from;
    return series;
}

static enum bout_limit find_limit(const struct bout *bout)
{
    const struct verdict *verdict = &bout->verdict;
    if (verdict->flaws & VERDICT_FLAW_LAG)
        return BOUT_LIMIT_LOAD_SIDE;
    if (verdict->flaws & VERDICT_FLAW_BACK_END)
        return BOUT_LIMIT_BACK_END;
    if (verdict->answer != VERDICT_PASSED && bout->load_busy_share > LOAD_BUSY_LIMIT)
        return BOUT_LIMIT_LOAD_SIDE;
    if (verdict->requests_failed)
        return BOUT_LIMIT_ERRORS;
    if (verdict->flaws)
        return BOUT_LIMIT_OTHER;
    return verdict->answer == VERDICT_PASSED ? BOUT_LIMIT_NONE : BOUT_LIMIT_LATENCY;
}

static void judge(const struct bout_options *options, const struct watch *watch, struct bout *bout)
{
    size_t count = 0;
    CLEANUP_FREE double *series = make_series(&options->crowd, &bout->crowd, &count);
    bout->sessions = options->crowd.sessions;
    bout->median = find_median(&bout->crowd);
    merge_shops(&bout->crowd, bout->median, &bout->score);
    bout->back_end_busy_share = busy_share(watch);
    double cpu_ns = (double)bout->crowd.duration_ns * options->crowd.threads;
    bout->load_busy_share = cpu_ns > 0 ? (double)bout->crowd.cpu_ns / cpu_ns : 0;
    struct verdict_case run = {
        .score = &bout->score,
        .busy_share = bout->back_end_busy_share,
        .busy_unknown = options->back_end && isnan(bout->back_end_busy_share),
        .per_second = series,
        .second_count = count,
        .turned_away = bout->crowd.turned_away,
    };
    bout->verdict = verdict_of(&run, &options->verdict);
    bout->limit = find_limit(bout);
}

int bout_run(const struct bout_options *options, struct bout *out_bout, struct error *err)
{
    struct bout_options asked = *options;
    int rc = crowd_options_complete(&asked.crowd, err);
    if (rc == 0 && options->back_end)
        rc = besim_reset(options->back_end, asked.crowd.world->seed, asked.crowd.world->sessions,
                         options->directories_per_session, err);
    struct watch watch = {
        .options = options,
        .from_ns = asked.crowd.ramp_ns + asked.crowd.warm_up_ns,
    };
    watch.to_ns = watch.from_ns + asked.crowd.iterations * asked.crowd.iteration_ns + NS_PER_S / 2;
    asked.crowd.show = show;
    asked.crowd.show_context = &watch;
    struct bout bout = {0};
    rc = rc < 0 ? rc : crowd_run(&asked.crowd, &bout.crowd, err);
    if (rc < 0)
        return rc;
    judge(&asked, &watch, &bout);
    *out_bout = bout;
    return 0;
}

void bout_done(struct bout *bout)
{
    if (bout->sessions) {
        score_done(&bout->score);
        crowd_result_done(&bout->crowd);
    }
    *bout = (struct bout){0};
}

struct verdict bout_judge_shop(const struct bout *bout, const struct verdict_options *options,
                               unsigned shop)
{
    struct verdict_case run = {
        .score = crowd_score(&bout->crowd, shop, bout->median),
        .busy_share = bout->back_end_busy_share,
    };
    return verdict_of(&run, options);
}

const char *bout_limit_text(enum bout_limit limit)
{
    static const char *const texts[] = {
        [BOUT_LIMIT_NONE] = "nothing",          [BOUT_LIMIT_LATENCY] = "latency",
        [BOUT_LIMIT_ERRORS] = "errors",         [BOUT_LIMIT_LOAD_SIDE] = "the load side",
        [BOUT_LIMIT_BACK_END] = "the back end", [BOUT_LIMIT_OTHER] = "an invalid run",
    };
    return texts[limit];
}

static void replace(struct bout *kept, struct bout *bout)
{
    bout_done(kept);
    *kept = *bout;
    *bout = (struct bout){0};
}

/* Keeps the bouts that a report shows: the largest that passed and the smallest that did not. */
static void keep(struct capacity *capacity, struct bout *bout)
{
    bool passed = verdict_is_valid(&bout->verdict) && bout->verdict.answer == VERDICT_PASSED;
    const struct search *search = &capacity->search;
    if (passed && bout->sessions == search_capacity(search))
        replace(&capacity->at, bout);
    else if (!passed && bout->sessions == search->refused * search->options.step)
        replace(&capacity->beyond, bout);
}

static enum search_outcome outcome_of(const struct bout *bout)
{
    if (!verdict_is_valid(&bout->verdict))
        return SEARCH_INVALID;
    return bout->verdict.answer == VERDICT_PASSED ? SEARCH_PASSED : SEARCH_FAILED;
}

static int try(const struct capacity_options *options, struct capacity *capacity, struct error *err)
{
    struct bout bout;
    struct bout_options run = options->bout;
    run.crowd.sessions = search_next(&capacity->search);
    run.crowd.seed = options->bout.crowd.seed + capacity->search.trial_count;
    if (run.crowd.threads > run.crowd.sessions)
        run.crowd.threads = run.crowd.sessions;
    int rc = bout_run(&run, &bout, err);
    if (rc < 0)
        return error_prefix(err, "%" PRIu32 " sessions", run.crowd.sessions);
    if (bout.crowd.interrupted)
        rc = error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    if (rc == 0) {
        search_tell(&capacity->search, outcome_of(&bout));
        if (options->tell)
            options->tell(options->tell_context, &bout);
        keep(capacity, &bout);
    }
    bout_done(&bout);
    return rc;
}

int capacity_find(const struct capacity_options *options, struct capacity *out_capacity,
                  struct error *err)
{
    struct capacity capacity = {0};
    int rc = 0;
    search_init(&capacity.search, &options->search);
    while (rc == 0 && search_next(&capacity.search) > 0)
        rc = try(options, &capacity, err);
    if (rc < 0) {
        capacity_done(&capacity);
        return rc;
    }
    /* Out of trials before the present bound was tried again. */
    if (capacity.at.sessions != search_capacity(&capacity.search))
        bout_done(&capacity.at);
    *out_capacity = capacity;
    return 0;
}

void capacity_done(struct capacity *capacity)
{
    bout_done(&capacity->at);
    bout_done(&capacity->beyond);
}
