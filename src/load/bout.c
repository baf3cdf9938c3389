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
    {"quick", 3 * NS_PER_S, 5 * NS_PER_S, 5 * NS_PER_S, 1, NS_PER_S, true, true},
    {"rated", 300 * NS_PER_S, 300 * NS_PER_S, 1800 * NS_PER_S, 3, 10 * NS_PER_S, false, false},
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
    options->midway = profile->midway;
    if (options->iterations == 0)
        options->iterations = profile->iterations;
}

/* Looks at the load side while the crowd is there. */
struct watch {
    const struct bout_options *options;
    struct bout *bout;
    size_t capacity;
};

static void look(struct watch *watch, uint64_t elapsed_ns, uint64_t load_cpu_ns)
{
    struct bout *bout = watch->bout;
    struct bout_sample sample = {.elapsed_ns = elapsed_ns, .load_cpu_ns = load_cpu_ns};
    struct error err = {0};
    struct besim_usage usage;
    if (watch->options->back_end && !bout->back_end_lost) {
        if (besim_read_usage(watch->options->back_end, &usage, &err) < 0) {
            log_warn("%s", err.text);
            bout->back_end_lost = true;
            return;
        }
        sample.back_end_elapsed_ns = usage.elapsed_ns;
        sample.back_end_busy_ns = usage.busy_ns;
    }
    if (bout->sample_count > 0 &&
        sample.back_end_elapsed_ns < bout->samples[bout->sample_count - 1].back_end_elapsed_ns)
        bout->back_end_lost = true;
    MEM_GROW(bout->samples, bout->sample_count, watch->capacity);
    bout->samples[bout->sample_count++] = sample;
}

static void show(void *context, const struct crowd_progress *progress)
{
    struct watch *watch = context;
    look(watch, progress->elapsed_ns, progress->cpu_ns);
    if (watch->options->crowd.show)
        watch->options->crowd.show(watch->options->crowd.show_context, progress);
}

/* The shares of what lies between the last sample before the window and the first behind it. */
static void measure_sides(const struct crowd_options *options, struct bout *bout)
{
    uint64_t from_ns = bout->start_ns, to_ns = from_ns + bout->window_ns;
    struct bout_sample first = {0}, last = {0};
    for (size_t i = 0; i < bout->sample_count && last.elapsed_ns < to_ns; i++) {
        last = bout->samples[i];
        if (last.elapsed_ns <= from_ns)
            first = last;
    }
    double elapsed_ns = (double)(last.elapsed_ns - first.elapsed_ns) * options->threads;
    double back_end_ns = (double)(last.back_end_elapsed_ns - first.back_end_elapsed_ns);
    bout->load_busy_share =
        elapsed_ns > 0 ? (double)(last.load_cpu_ns - first.load_cpu_ns) / elapsed_ns : 0;
    bout->back_end_busy_share =
        back_end_ns > 0 && !bout->back_end_lost
            ? (double)(last.back_end_busy_ns - first.back_end_busy_ns) / back_end_ns
            : NAN;
}

static void add_shop(const struct bout *bout, unsigned shop, struct score *score)
{
    for (unsigned i = bout->from; i <= bout->to; i++)
        score_add(score, crowd_score(&bout->crowd, shop, i));
}

void bout_merge_shop(const struct bout *bout, unsigned shop, struct score *out_score)
{
    score_init(out_score);
    add_shop(bout, shop, out_score);
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

/* Completed pages of the whole seconds of the iterations; the caller's to free, NULL: too few, or
 * not meant to be steady. */
static double *make_series(const struct crowd_options *options, const struct crowd_result *crowd,
                           size_t *out_count)
{
    uint64_t from = (options->ramp_ns + options->warm_up_ns + NS_PER_S - 1) / NS_PER_S;
    uint64_t to =
        (options->ramp_ns + options->warm_up_ns + options->iterations * options->iteration_ns) /
        NS_PER_S;
    to = to < crowd->second_count ? to : crowd->second_count;
    if (to < from + STEADY_SECONDS_MIN || options->steering.steer)
        return NULL;
    double *series = mem_array(to - from, sizeof(*series));
    for (uint64_t i = from; i < to; i++)
        series[i - from] = (double)crowd->seconds[i].pages;
    *out_count = to - from;
    return series;
}

static bool fails_by_raw(const struct bout_options *options, const struct score *score)
{
    double asked =
        options->verdict.good_share > 0 ? options->verdict.good_share : VERDICT_GOOD_SHARE;
    uint64_t good = hdr_count_to(&score->raw, options->crowd.limits.good_ns);
    return (double)good < asked * (double)score_total(score).views;
}

static enum bout_limit find_limit(const struct bout *bout)
{
    const struct verdict *verdict = &bout->verdict;
    if ((verdict->flaws & VERDICT_FLAW_LAG) && !bout_is_refused(bout))
        return BOUT_LIMIT_LOAD_SIDE;
    if (verdict->flaws & VERDICT_FLAW_BACK_END)
        return BOUT_LIMIT_BACK_END;
    if (verdict->answer != VERDICT_PASSED && bout->load_busy_share > LOAD_BUSY_LIMIT)
        return BOUT_LIMIT_LOAD_SIDE;
    if (verdict->requests_failed)
        return BOUT_LIMIT_ERRORS;
    if (verdict->flaws & ~(unsigned)VERDICT_FLAW_LAG)
        return BOUT_LIMIT_OTHER;
    return verdict->answer == VERDICT_PASSED ? BOUT_LIMIT_NONE : BOUT_LIMIT_LATENCY;
}

/* Where there are several shops, each must pass: that the others do well is no comfort. */
static void judge_shops(struct bout *bout, const struct verdict_options *options)
{
    for (unsigned shop = 0; shop < bout->crowd.shops && bout->crowd.shops > 1; shop++) {
        struct verdict verdict = bout_judge_shop(bout, options, shop);
        if (verdict.answer == VERDICT_PASSED || bout->verdict.answer != VERDICT_PASSED)
            continue;
        bout->verdict.answer = VERDICT_FAILED;
        bout->verdict.failed_shop = shop + 1;
        bout->verdict.good_failed = verdict.good_failed;
        bout->verdict.tolerable_failed = verdict.tolerable_failed;
        bout->verdict.requests_failed = verdict.requests_failed;
    }
}

static void set_window(const struct crowd_options *options, struct bout *bout)
{
    const struct crowd_step *steps = bout->crowd.steps;
    bout->start_ns = options->ramp_ns + options->warm_up_ns + bout->from * options->iteration_ns;
    bout->window_ns = (bout->to - bout->from + 1) * options->iteration_ns;
    if (!options->steering.steer)
        return;
    bout->start_ns = steps[bout->from].start_ns;
    bout->window_ns = steps[bout->to].start_ns + steps[bout->to].length_ns - bout->start_ns;
}

void bout_judge(const struct bout_options *options, struct bout *bout, unsigned from, unsigned to)
{
    const struct crowd_options *crowd = &options->crowd;
    size_t count = 0;
    CLEANUP_FREE double *series = make_series(crowd, &bout->crowd, &count);
    score_done(&bout->score);
    score_init(&bout->score);
    bout->from = from;
    bout->to = to;
    set_window(crowd, bout);
    for (unsigned shop = 0; shop < bout->crowd.shops; shop++)
        add_shop(bout, shop, &bout->score);
    measure_sides(crowd, bout);
    struct verdict_case run = {
        .score = &bout->score,
        .busy_share = bout->back_end_busy_share,
        .busy_unknown = options->back_end && isnan(bout->back_end_busy_share),
        .per_second = series,
        .second_count = count,
        .turned_away = bout->crowd.turned_away,
    };
    bout->verdict = verdict_of(&run, &options->verdict);
    judge_shops(bout, &options->verdict);
    bout->fails_by_raw = fails_by_raw(options, &bout->score);
    bout->limit = find_limit(bout);
}

int bout_run(const struct bout_options *options, struct bout *out_bout, struct error *err)
{
    struct bout_options asked = *options;
    int rc = crowd_options_complete(&asked.crowd, err);
    if (rc == 0 && options->back_end)
        rc = besim_reset(options->back_end, asked.crowd.world->seed, asked.crowd.world->sessions,
                         options->directories_per_session, err);
    if (rc < 0)
        return rc;
    struct bout bout = {.sessions = asked.crowd.sessions,
                        .began_s = (double)clock_realtime_ns() / 1e9};
    struct watch watch = {.options = options, .bout = &bout};
    look(&watch, 0, 0);
    asked.crowd.show = show;
    asked.crowd.show_context = &watch;
    rc = crowd_run(&asked.crowd, &bout.crowd, err);
    if (rc < 0) {
        free(bout.samples);
        return rc;
    }
    look(&watch, bout.crowd.duration_ns, bout.crowd.cpu_ns);
    unsigned median = find_median(&bout.crowd);
    bout_judge(&asked, &bout, median, median);
    *out_bout = bout;
    return 0;
}

void bout_done(struct bout *bout)
{
    if (bout->sessions) {
        score_done(&bout->score);
        crowd_result_done(&bout->crowd);
        free(bout->samples);
    }
    *bout = (struct bout){0};
}

struct verdict bout_judge_shop(const struct bout *bout, const struct verdict_options *options,
                               unsigned shop)
{
    struct score score;
    bout_merge_shop(bout, shop, &score);
    struct verdict_case run = {.score = &score, .busy_share = bout->back_end_busy_share};
    struct verdict verdict = verdict_of(&run, options);
    score_done(&score);
    return verdict;
}

bool bout_is_good(const struct bout *bout)
{
    return verdict_is_valid(&bout->verdict) && bout->verdict.answer == VERDICT_PASSED;
}

bool bout_is_refused(const struct bout *bout)
{
    const struct verdict *verdict = &bout->verdict;
    bool counts =
        verdict_is_valid(verdict) || (verdict->flaws == VERDICT_FLAW_LAG && bout->fails_by_raw);
    return counts && verdict->answer != VERDICT_PASSED;
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
