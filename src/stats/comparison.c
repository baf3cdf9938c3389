/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/comparison.h"

#include <assert.h>
#include <math.h>

static enum verdict verdict_of(const struct interval *ratio, double margin)
{
    if (ratio->lo >= 1 / (1 + margin) && ratio->hi <= 1 + margin)
        return VERDICT_SAME;
    if (ratio->hi < 1)
        return VERDICT_SLOWER;
    if (ratio->lo > 1)
        return VERDICT_FASTER;
    return VERDICT_UNDECIDED;
}

struct comparison comparison_of(const struct interval *ratio, double margin)
{
    assert(margin >= 0 && isfinite(margin));
    enum interval_state state = ratio->state;
    if (state == INTERVAL_OK && (isnan(ratio->lo) || isnan(ratio->hi)))
        state = INTERVAL_NOT_FINITE;
    if (state != INTERVAL_OK)
        return (struct comparison){.verdict = VERDICT_UNDECIDED,
                                   .reason = interval_state_text(state)};
    return (struct comparison){.verdict = verdict_of(ratio, margin),
                               .excludes_one = ratio->hi < 1 || ratio->lo > 1,
                               .reason = ""};
}

bool comparison_disagrees(const struct interval *student, const struct interval *bca, double margin)
{
    if (student->n < COMPARISON_CHECK_MIN_VALUES)
        return false;
    struct comparison a = comparison_of(student, margin), b = comparison_of(bca, margin);
    return !a.reason[0] && !b.reason[0] && a.verdict != b.verdict;
}

const char *comparison_verdict_text(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_UNDECIDED:
        return "undecided";
    case VERDICT_SLOWER:
        return "slower";
    case VERDICT_FASTER:
        return "faster";
    case VERDICT_SAME:
        return "same";
    }
    return "undecided";
}
