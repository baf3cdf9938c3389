/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "load/bout.h"

/* A score of n views in the expected mix, of which the given shares are good, tolerable and failed.
 */
static void fill(struct score *score, uint64_t n, double good, double tolerable, double failed)
{
    const struct score_limits limits = {3 * NS_PER_S, 5 * NS_PER_S};
    score_init(score);
    for (int page = 0; page < SHOP_PAGES; page++) {
        uint64_t views = (uint64_t)(shop_page_info((enum shop_page)page)->share * (double)n + 0.5);
        for (uint64_t i = 0; i < views; i++) {
            double at = ((double)i + 0.5) / (double)views;
            uint64_t time_ns = at < good ? NS_PER_S : at < tolerable ? 4 * NS_PER_S : 6 * NS_PER_S;
            struct score_view view = {.page = (enum shop_page)page,
                                      .failed = at >= 1 - failed,
                                      .planned_ns = NS_PER_S,
                                      .start_ns = NS_PER_S + NS_PER_MS,
                                      .end_ns = NS_PER_S + time_ns};
            score_record_view(score, &view, &limits);
            score->requests += 16;
            score->failures.counts[LOAD_INVALID] += view.failed;
        }
    }
}

static struct verdict judge(const struct score *score)
{
    return verdict_of(&(struct verdict_case){.score = score, .busy_share = NAN}, NULL);
}

static void expect(double good, double tolerable, double failed, const char *text,
                   const char *reason)
{
    struct score score;
    char why[VERDICT_REASON_BYTES];
    fill(&score, 20000, good, tolerable, failed);
    struct verdict verdict = judge(&score);
    assert_string_equal(verdict_text(&verdict), text);
    if (!strstr(verdict_reason(&verdict, NULL, why), reason))
        fail_msg("'%s' lacks '%s'", why, reason);
    if (!reason[0])
        assert_string_equal(why, "");
    score_done(&score);
}

static void test_shares(void **state)
{
    (void)state;
    expect(1, 1, 0, "passed", "");
    expect(0.951, 0.991, 0, "passed", "");
    expect(0.949, 0.991, 0, "failed", "94.9");
    expect(0.96, 0.989, 0, "failed", "98.9");
    /* A twelfth of the pages, but 16 requests each: 0.52 % of requests. */
    expect(1, 1, 0.083, "failed", "of requests failed");
    /* Few enough requests, but a failed page is not tolerable. */
    expect(1, 1, 0.02, "failed", "tolerable");
}

static void test_pages(void **state)
{
    (void)state;
    struct score score;
    fill(&score, 20000, 0.951, 0.995, 0);
    struct verdict verdict = judge(&score);
    /* 390 to 3400 views of a page leave 95 % open, though all of them together... */
    assert_int_equal(verdict.pages[SHOP_CONFIRM].answer, VERDICT_UNDECIDED);
    assert_int_equal(verdict.all.answer, VERDICT_UNDECIDED);
    assert_int_equal(verdict.answer, VERDICT_PASSED);
    score_done(&score);
    fill(&score, 3000, 0.8, 1, 0);
    verdict = judge(&score);
    assert_int_equal(verdict.pages[SHOP_INDEX].answer, VERDICT_FAILED);
    assert_int_equal(verdict.pages[SHOP_CONFIRM].views, 76);
    assert_int_equal(verdict.pages[SHOP_CONFIRM].answer, VERDICT_UNDECIDED); /* under 100 */
    score_done(&score);
    fill(&score, 20000, 1, 1, 0);
    verdict = judge(&score);
    assert_int_equal(verdict.pages[SHOP_CUSTOMIZE1].answer, VERDICT_PASSED);
    assert_int_equal(verdict.all.answer, VERDICT_PASSED);
    score_done(&score);
}

static void expect_flaw(const struct verdict_case *run, enum verdict_flaw flaw, const char *reason)
{
    char why[VERDICT_REASON_BYTES];
    struct verdict verdict = verdict_of(run, NULL);
    assert_int_equal(verdict.flaws, flaw);
    assert_string_equal(verdict_text(&verdict), "invalid");
    assert_non_null(strstr(verdict_reason(&verdict, NULL, why), reason));
}

static void test_flaws(void **state)
{
    (void)state;
    struct score score;
    double series[60];
    fill(&score, 20000, 1, 1, 0);
    struct verdict_case good = {.score = &score, .busy_share = 0.69};
    struct verdict verdict = verdict_of(&good, NULL);
    assert_string_equal(verdict_text(&verdict), "passed");

    struct verdict_case run = good;
    run.busy_share = 0.71;
    expect_flaw(&run, VERDICT_FLAW_BACK_END, "71 %");
    run = good;
    run.turned_away = 1;
    expect_flaw(&run, VERDICT_FLAW_ROOM, "arrived");
    run = good;
    run.per_second = series;
    run.second_count = COUNT_OF(series);
    for (size_t i = 0; i < COUNT_OF(series); i++)
        series[i] = 100 + (double)(i % 5);
    verdict = verdict_of(&run, NULL);
    assert_string_equal(verdict_text(&verdict), "passed");
    for (size_t i = 0; i < COUNT_OF(series); i++)
        series[i] = 100 - (double)i;
    expect_flaw(&run, VERDICT_FLAW_UNSTEADY, "settle");
    run = good;
    for (int i = 0; i < 300; i++) /* one and a half per cent */
        hdr_record(&score.lag, 11 * NS_PER_MS);
    expect_flaw(&run, VERDICT_FLAW_LAG, "11.");
    score_done(&score);
    score_init(&score);
    expect_flaw(&good, VERDICT_FLAW_EMPTY, "not one page");
    score_done(&score);
}

/* Shoppers as they are give no false alarm over a thousand windows; those that never log in do. */
static void test_mix(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 9, 0);
    for (int round = 0; round < 1000; round++) {
        struct score score = {0};
        for (int session = 0; session < 60; session++) {
            enum shop_page page = SHOP_INDEX;
            for (int view = 0; view < 200; view++) {
                if (view >= 150) /* from then on as it goes on for ever */
                    score.pages[page].views++;
                enum shop_page next = shop_next_page(page, rng_uniform(&rng));
                page = next == SHOP_EXIT ? SHOP_INDEX : next;
            }
        }
        score.lag.min = UINT64_MAX;
        struct verdict verdict = judge(&score);
        if (verdict.flaws)
            fail_msg("round %d: statistic %g", round, verdict.mix.statistic);
        score.pages[SHOP_CART].views += score.pages[SHOP_LOGIN].views * 4;
        score.pages[SHOP_LOGIN].views = 0;
        verdict = judge(&score);
        assert_int_equal(verdict.flaws, VERDICT_FLAW_MIX);
    }
}

/* What a late generator refuses counts only where the machine fails by itself. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned flaws;
        enum verdict_answer answer;
        bool fails_by_raw;
        bool refused;
    } cases[] = {
        {0, VERDICT_PASSED, false, false},
        {0, VERDICT_FAILED, false, true}, /* late pages are late from their planned start */
        {0, VERDICT_FAILED, true, true},
        {VERDICT_FLAW_LAG, VERDICT_FAILED, false, false},
        {VERDICT_FLAW_LAG, VERDICT_FAILED, true, true},
        {VERDICT_FLAW_LAG | VERDICT_FLAW_BACK_END, VERDICT_FAILED, true, false},
        {VERDICT_FLAW_BACK_END, VERDICT_FAILED, true, false},
        {VERDICT_FLAW_LAG, VERDICT_PASSED, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bout bout = {.verdict = {.flaws = cases[i].flaws, .answer = cases[i].answer},
                            .fails_by_raw = cases[i].fails_by_raw};
        assert_int_equal(bout_is_refused(&bout), cases[i].refused);
        assert_int_equal(bout_is_good(&bout), i == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares), cmocka_unit_test(test_pages),
                                       cmocka_unit_test(test_flaws), cmocka_unit_test(test_mix),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
