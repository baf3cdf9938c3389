/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/search.h"

enum { START_STEPS = 16, WANTED = 2 };

void search_init(struct search *search, const struct search_options *options)
{
    *search = (struct search){.options = *options};
    struct search_options *asked = &search->options;
    asked->step = asked->step ? asked->step : 1;
    if (asked->trials == 0 || asked->trials > SEARCH_TRIALS_MAX)
        asked->trials = SEARCH_TRIALS_MAX;
    uint32_t most = asked->most ? asked->most / asked->step : UINT32_MAX / asked->step;
    asked->most = most;
    search->next = asked->start ? asked->start / asked->step : START_STEPS;
    search->next = search->next ? search->next : 1;
    search->next = search->next < most ? search->next : most;
    if (most == 0)
        search->state = SEARCH_NONE;
}

uint32_t search_next(const struct search *search)
{
    return search->state == SEARCH_GOES_ON ? search->next * search->options.step : 0;
}

uint32_t search_capacity(const struct search *search)
{
    return search->passed * search->options.step;
}

static void end(struct search *search, enum search_state state)
{
    search->state = state;
}

static uint32_t doubled(const struct search *search, uint32_t steps)
{
    uint32_t most = search->options.most;
    return steps > most / 2 ? most : steps * 2;
}

/* The gap, in steps, in which nothing is tried any more. */
static uint32_t narrow_enough(const struct search *search)
{
    double steps = search->options.share * search->passed;
    return steps > 1 ? (uint32_t)steps : 1;
}

/* What to try after the bounds have changed. */
static void plan(struct search *search)
{
    uint32_t passed = search->passed, refused = search->refused;
    search->again = false;
    if (refused == 0) {
        if (passed == search->options.most)
            end(search, SEARCH_AT_MOST);
        search->next = doubled(search, passed);
    } else if (refused == 1) {
        end(search, SEARCH_NONE);
    } else if (passed == 0) {
        search->next = refused / 2;
    } else if (refused - passed > narrow_enough(search)) {
        search->next = passed + (refused - passed) / 2;
    } else if (search->passes < WANTED) {
        search->next = passed;
    } else if (search->refusals < WANTED) {
        search->next = refused;
    } else {
        end(search, SEARCH_CONFIRMED);
    }
}

/* The largest number below `below` that passed the last time it was tried, 0: none. */
static uint32_t find_passed_below(const struct search *search, uint32_t below)
{
    uint32_t best = 0;
    for (unsigned i = 0; i < search->trial_count; i++) {
        uint32_t steps = search->trials[i].sessions / search->options.step;
        if (search->trials[i].outcome == SEARCH_PASSED && steps < below && steps > best)
            best = steps;
    }
    return best;
}

static uint32_t find_refused_above(const struct search *search, uint32_t above)
{
    uint32_t best = 0;
    for (unsigned i = 0; i < search->trial_count; i++) {
        uint32_t steps = search->trials[i].sessions / search->options.step;
        if (search->trials[i].outcome != SEARCH_PASSED && steps > above &&
            (best == 0 || steps < best))
            best = steps;
    }
    return best;
}

static void note_passed(struct search *search)
{
    if (search->next == search->passed) {
        search->passes++;
        return;
    }
    search->passed = search->next;
    search->passes = 1;
    if (search->next != search->refused)
        return;
    /* It was refused before, and now it passes: the bound lies above. */
    search->refused = find_refused_above(search, search->next);
    search->refusals = search->refused ? 1 : 0;
}

static void note_refused(struct search *search)
{
    if (search->next == search->refused) {
        search->refusals++;
        return;
    }
    search->refused = search->next;
    search->refusals = 1;
    if (search->next != search->passed)
        return;
    search->passed = find_passed_below(search, search->next);
    search->passes = search->passed ? 1 : 0;
}

void search_tell(struct search *search, enum search_outcome outcome)
{
    if (search->state != SEARCH_GOES_ON)
        return;
    search->trials[search->trial_count++] =
        (struct search_trial){search->next * search->options.step, outcome};
    if (outcome == SEARCH_INVALID && !search->again) {
        search->again = true;
    } else if (outcome == SEARCH_PASSED) {
        note_passed(search);
        plan(search);
    } else {
        note_refused(search);
        plan(search);
    }
    if (search->state == SEARCH_GOES_ON && search->trial_count == search->options.trials)
        end(search, SEARCH_GIVEN_UP);
}

const char *search_state_text(enum search_state state)
{
    static const char *const texts[] = {
        [SEARCH_GOES_ON] = "under way",
        [SEARCH_CONFIRMED] = "confirmed: passed twice, and one step more was refused twice",
        [SEARCH_CLIMBED] = "seen while the crowd of one run grew, not confirmed",
        [SEARCH_AT_MOST] = "the largest number allowed passes: the capacity is that or more",
        [SEARCH_NONE] = "not even one step passes",
        [SEARCH_GIVEN_UP] = "unconfirmed: out of trials",
    };
    return texts[state];
}
