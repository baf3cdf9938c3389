/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * verdict: did a run keep within the quality of service, and may it count at all? Pure.
 *
 * A run passes when, over all pages, the shares of good and of tolerable ones reach what is asked
 * for and failed requests stay below their share. Each page is judged in the same way by Wilson's
 * bounds, from 100 views on, for the reader: it does not decide. A run is invalid, whatever its
 * shares, when the generator itself was late, the back end was busy, or shoppers did not go the way
 * that they should.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load/score.h"
#include "stats/chisquare.h"
#include "stats/interval.h"
#include "stats/steady.h"

#define VERDICT_GOOD_SHARE 0.95

struct verdict_options {
    double good_share;      /* 0: VERDICT_GOOD_SHARE */
    double tolerable_share; /* 0: 0.99 */
    double failed_share;    /* of requests; 0: 0.005 */
    double level;           /* of intervals; 0: 0.95 */
    uint64_t page_min;      /* views from which on a page is judged; 0: 100 */
    uint64_t lag_limit_ns;  /* for the 99th percentile; 0: 10 ms */
    double busy_limit;      /* of the back end; 0: 0.70 */
    double mix_p_value;     /* below it the page mix is wrong; 0: 1e-6 */
    uint64_t mix_min;       /* views from which on the mix is looked at; 0: 1000 */
};

enum verdict_answer {
    VERDICT_PASSED,
    VERDICT_FAILED,
    VERDICT_UNDECIDED, /* pages only: the interval straddles what is asked for, or too few views */
};

enum verdict_flaw {
    VERDICT_FLAW_EMPTY = 1 << 0,    /* not one page */
    VERDICT_FLAW_LAG = 1 << 1,      /* the generator was late */
    VERDICT_FLAW_MIX = 1 << 2,      /* pages are not in their expected shares */
    VERDICT_FLAW_BACK_END = 1 << 3, /* the back end was busy, or its use is not known */
    VERDICT_FLAW_UNSTEADY = 1 << 4, /* throughput drifted */
    VERDICT_FLAW_ROOM = 1 << 5,     /* open: arrivals were turned away */
    VERDICT_FLAWS = 6,
};

struct verdict_page {
    uint64_t views;
    struct interval good; /* shares, with Wilson's bounds */
    struct interval tolerable;
    enum verdict_answer answer;
};

struct verdict {
    unsigned flaws; /* enum verdict_flaw; not 0: the run is invalid */
    enum verdict_answer answer;
    struct verdict_page all;
    struct verdict_page pages[SHOP_PAGES];
    double failed_share; /* of requests */
    bool good_failed;    /* which of the three did not hold */
    bool tolerable_failed;
    bool requests_failed;
    unsigned failed_shop; /* all together passed, but this one did not, from 1; 0: none */
    uint64_t lag_p99_ns;
    double busy_share; /* of the back end; NaN: not known */
    struct chisquare mix;
    struct steady steady;
};

/* What the judged window was, besides its score. */
struct verdict_case {
    const struct score *score;
    double busy_share;        /* of the back end; NaN: not known */
    bool busy_unknown;        /* ... though there is one to look at */
    const double *per_second; /* completed pages, of whole seconds of the window; NULL: not looked
                                 at */
    size_t second_count;
    uint64_t turned_away;
};

struct verdict verdict_of(const struct verdict_case *run, const struct verdict_options *options);

static inline bool verdict_is_valid(const struct verdict *verdict)
{
    return verdict->flaws == 0;
}
/* "passed", "failed", "invalid" */
const char *verdict_text(const struct verdict *verdict);
const char *verdict_answer_text(enum verdict_answer answer);
/* "lag", "mix", ...: one word for JSON. flaw: one bit. */
const char *verdict_flaw_name(enum verdict_flaw flaw);

#define VERDICT_REASON_BYTES 512
/* Why, in one line; "" where it passed. Returns text. */
const char *verdict_reason(const struct verdict *verdict, const struct verdict_options *options,
                           char text[VERDICT_REASON_BYTES]);
