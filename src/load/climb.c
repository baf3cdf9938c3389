/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/climb.h"

#include <math.h>

#include "base/clock.h"

/* Shoppers wait for pages this share of the good time, and the limit is near. */
#define NEAR_SHARE 0.1

/* 2 of 40 late pages are as many as 95 % allow. */
struct pace {
    uint64_t pages;
    uint64_t length_ns;
    double factor;
};
static const struct pace far = {16, 500 * NS_PER_MS, 1.5};
static const struct pace near = {40, 1200 * NS_PER_MS, 1.25};

/* By Little's law so large a share of all shoppers has a page under way. */
static bool is_near(const struct climb_rules *rules, const struct crowd_step *step,
                    uint64_t loading)
{
    double wait_ns = NEAR_SHARE * (double)rules->good_ns;
    double share = wait_ns / (wait_ns + (double)rules->think_mean_ns);
    return (double)loading > share * step->sessions;
}

/* A step that is not over yet will have more pages. */
static bool is_refused(const struct climb_rules *rules, const struct crowd_step *steps, unsigned at)
{
    for (unsigned i = 0; i <= at; i++) {
        uint64_t pages = i == at && steps[i].begun < near.pages ? near.pages : steps[i].begun;
        if ((double)steps[i].late > (1 - rules->good_share) * (double)pages)
            return true;
    }
    return false;
}

uint32_t climb_steer(const struct climb_rules *rules, const struct crowd_step *steps, unsigned at,
                     uint64_t loading)
{
    const struct crowd_step *step = &steps[at];
    const struct pace *pace = is_near(rules, step, loading) ? &near : &far;
    if (is_refused(rules, steps, at))
        return 0;
    if (step->begun < pace->pages || step->length_ns < pace->length_ns)
        return step->sessions;
    if (step->sessions >= rules->most) /* wait for what may still come late */
        return step->length_ns < pace->length_ns + rules->good_ns ? step->sessions : 0;
    double more = ceil(step->sessions * pace->factor);
    return more < rules->most ? (uint32_t)more : rules->most;
}

double climb_cross(double passed, double passed_share, double refused, double refused_share,
                   double allowed)
{
    double rise = refused_share - passed_share;
    if (!(rise > 0) || passed_share > allowed || refused_share < allowed || !(passed > 0))
        return passed;
    return passed * pow(refused / passed, (allowed - passed_share) / rise);
}
