/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "stats/distribution.h"

/* Chi-square takes views for independent. Those of one session are not: whoever stays long among
 * the customizing pages adds a handful of them at once. In the real chain the statistic's high
 * quantiles are up to 2.3 times those of the law (tests/unit/test-verdict.c), so it is divided by a
 * little more. */
#define MIX_OVERDISPERSION 3.0

static struct verdict_options complete(const struct verdict_options *options)
{
    struct verdict_options out = options ? *options : (struct verdict_options){0};
    out.good_share = out.good_share > 0 ? out.good_share : VERDICT_GOOD_SHARE;
    out.tolerable_share = out.tolerable_share > 0 ? out.tolerable_share : 0.99;
    out.failed_share = out.failed_share > 0 ? out.failed_share : 0.005;
    out.level = out.level > 0 ? out.level : 0.95;
    out.page_min = out.page_min ? out.page_min : 100;
    out.lag_limit_ns = out.lag_limit_ns ? out.lag_limit_ns : 10 * NS_PER_MS;
    out.busy_limit = out.busy_limit > 0 ? out.busy_limit : 0.70;
    out.mix_p_value = out.mix_p_value > 0 ? out.mix_p_value : 1e-6;
    out.mix_min = out.mix_min ? out.mix_min : 1000;
    return out;
}

static enum verdict_answer answer_of(const struct interval *share, double wanted)
{
    if (share->state != INTERVAL_OK)
        return VERDICT_UNDECIDED;
    if (share->lo >= wanted)
        return VERDICT_PASSED;
    return share->hi < wanted ? VERDICT_FAILED : VERDICT_UNDECIDED;
}

static struct verdict_page judge_page(const struct score_page *page,
                                      const struct verdict_options *options)
{
    struct verdict_page out = {
        .views = page->views,
        .good = interval_wilson(page->good, page->views, options->level),
        .tolerable = interval_wilson(page->tolerable, page->views, options->level),
        .answer = VERDICT_UNDECIDED,
    };
    if (page->views < options->page_min)
        return out;
    enum verdict_answer good = answer_of(&out.good, options->good_share);
    enum verdict_answer tolerable = answer_of(&out.tolerable, options->tolerable_share);
    if (good == VERDICT_FAILED || tolerable == VERDICT_FAILED)
        out.answer = VERDICT_FAILED;
    else if (good == VERDICT_PASSED && tolerable == VERDICT_PASSED)
        out.answer = VERDICT_PASSED;
    return out;
}

static bool is_mix_wrong(struct verdict *verdict, const struct score *score,
                         const struct verdict_options *options)
{
    uint64_t observed[SHOP_PAGES];
    double shares[SHOP_PAGES];
    for (int i = 0; i < SHOP_PAGES; i++) {
        observed[i] = score->pages[i].views;
        shares[i] = shop_page_info((enum shop_page)i)->share;
    }
    verdict->mix = chisquare_of(observed, shares, SHOP_PAGES);
    if (verdict->mix.total < options->mix_min)
        return false;
    verdict->mix.statistic /= MIX_OVERDISPERSION;
    verdict->mix.p_value =
        distribution_chi_square_survival(verdict->mix.statistic, verdict->mix.df);
    return verdict->mix.p_value < options->mix_p_value;
}

static void find_flaws(struct verdict *verdict, const struct verdict_case *run,
                       const struct verdict_options *options)
{
    verdict->lag_p99_ns = hdr_quantile(&run->score->lag, 0.99);
    verdict->busy_share = run->busy_share;
    if (verdict->all.views == 0)
        verdict->flaws |= VERDICT_FLAW_EMPTY;
    if (verdict->lag_p99_ns > options->lag_limit_ns)
        verdict->flaws |= VERDICT_FLAW_LAG;
    if (is_mix_wrong(verdict, run->score, options))
        verdict->flaws |= VERDICT_FLAW_MIX;
    if (run->busy_unknown || run->busy_share > options->busy_limit)
        verdict->flaws |= VERDICT_FLAW_BACK_END;
    if (run->turned_away > 0)
        verdict->flaws |= VERDICT_FLAW_ROOM;
    if (!run->per_second)
        return;
    verdict->steady = steady_of(run->per_second, run->second_count, NULL);
    if (verdict->steady.verdict == STEADY_DRIFTING)
        verdict->flaws |= VERDICT_FLAW_UNSTEADY;
}

struct verdict verdict_of(const struct verdict_case *run, const struct verdict_options *options)
{
    struct verdict_options asked = complete(options);
    struct verdict verdict = {0};
    struct score_page total = score_total(run->score);
    verdict.all = judge_page(&total, &asked);
    for (int i = 0; i < SHOP_PAGES; i++)
        verdict.pages[i] = judge_page(&run->score->pages[i], &asked);
    uint64_t failed = load_failures_total(&run->score->failures);
    double views = (double)total.views, requests = (double)run->score->requests;
    verdict.failed_share = requests > 0 ? (double)failed / requests : 0;
    verdict.good_failed = (double)total.good < asked.good_share * views;
    verdict.tolerable_failed = (double)total.tolerable < asked.tolerable_share * views;
    verdict.requests_failed = verdict.failed_share > asked.failed_share;
    bool passed = total.views > 0 && !verdict.good_failed && !verdict.tolerable_failed &&
                  !verdict.requests_failed;
    verdict.answer = passed ? VERDICT_PASSED : VERDICT_FAILED;
    find_flaws(&verdict, run, &asked);
    return verdict;
}

const char *verdict_answer_text(enum verdict_answer answer)
{
    static const char *const texts[] = {"passed", "failed", "undecided"};
    return texts[answer];
}

const char *verdict_text(const struct verdict *verdict)
{
    return verdict->flaws ? "invalid" : verdict_answer_text(verdict->answer);
}

const char *verdict_flaw_name(enum verdict_flaw flaw)
{
    switch (flaw) {
    case VERDICT_FLAW_EMPTY:
        return "empty";
    case VERDICT_FLAW_LAG:
        return "lag";
    case VERDICT_FLAW_MIX:
        return "mix";
    case VERDICT_FLAW_BACK_END:
        return "back_end";
    case VERDICT_FLAW_UNSTEADY:
        return "unsteady";
    default:
        return "no_room";
    }
}

struct reason {
    char *text;
    size_t length;
};

static void __attribute__((format(printf, 2, 3)))
add(struct reason *reason, const char *format, ...)
{
    size_t room = VERDICT_REASON_BYTES - reason->length;
    int written = snprintf(reason->text + reason->length, room, "%s", reason->length ? "; " : "");
    reason->length += (size_t)written < room ? (size_t)written : room - 1;
    room = VERDICT_REASON_BYTES - reason->length;
    va_list ap;
    va_start(ap, format);
    written = vsnprintf(reason->text + reason->length, room, format, ap);
    va_end(ap);
    reason->length += (size_t)written < room ? (size_t)written : room - 1;
}

static void add_flaws(struct reason *reason, const struct verdict *verdict,
                      const struct verdict_options *asked)
{
    if (verdict->flaws & VERDICT_FLAW_EMPTY)
        add(reason, "not one page was asked for");
    if (verdict->flaws & VERDICT_FLAW_LAG)
        add(reason,
            "the load generator was late: 99 %% of pages began within %.1f ms, at most "
            "%.1f are allowed (give it more threads or a CPU of its own)",
            (double)verdict->lag_p99_ns / 1e6, (double)asked->lag_limit_ns / 1e6);
    if ((verdict->flaws & VERDICT_FLAW_BACK_END) && isnan(verdict->busy_share))
        add(reason, "the back end did not say how busy it was");
    else if (verdict->flaws & VERDICT_FLAW_BACK_END)
        add(reason, "the back end was busy %.0f %% of the time, at most %.0f are allowed",
            100 * verdict->busy_share, 100 * asked->busy_limit);
    if (verdict->flaws & VERDICT_FLAW_MIX)
        add(reason, "the page mix is off, most at '%s'",
            shop_page_info((enum shop_page)verdict->mix.worst)->name);
    if (verdict->flaws & VERDICT_FLAW_UNSTEADY)
        add(reason, "the throughput did not settle: %s", verdict->steady.reason);
    if (verdict->flaws & VERDICT_FLAW_ROOM)
        add(reason, "sessions arrived faster than they left: allow more at once");
}

const char *verdict_reason(const struct verdict *verdict, const struct verdict_options *options,
                           char text[VERDICT_REASON_BYTES])
{
    struct verdict_options asked = complete(options);
    struct reason reason = {text, 0};
    text[0] = '\0';
    add_flaws(&reason, verdict, &asked);
    if (verdict->flaws & VERDICT_FLAW_EMPTY)
        return text;
    if (verdict->failed_shop) {
        add(&reason, "all together kept within the quality of service, shop %u alone did not",
            verdict->failed_shop - 1);
        return text;
    }
    if (verdict->requests_failed)
        add(&reason, "%.2f %% of requests failed, at most %.2f are allowed",
            100 * verdict->failed_share, 100 * asked.failed_share);
    if (verdict->good_failed)
        add(&reason, "%.2f %% of pages were good, %.2f are asked for",
            100 * verdict->all.good.estimate, 100 * asked.good_share);
    if (verdict->tolerable_failed)
        add(&reason, "%.2f %% of pages were tolerable, %.2f are asked for",
            100 * verdict->all.tolerable.estimate, 100 * asked.tolerable_share);
    return text;
}
