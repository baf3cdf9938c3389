/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * climb: how a crowd grows that is to show, in one run, how many can be served well; and what it
 * showed. Pure.
 *
 * Each step has its number of sessions and goes on until it has pages enough to judge. Far from the
 * limit, where few shoppers wait for a page, the crowd grows by half from step to step; then by a
 * quarter. A page belongs to the step in which it began, whenever it ends. The climb is over when a
 * step has more late pages than are allowed: pages that are still under way can make that worse,
 * never better. The capacity lies between the last step before that one and it: where the share of
 * late pages crosses what is allowed, on a line between the two over the logarithm of the sessions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load/crowd.h"

struct climb_rules {
    double good_share;
    uint64_t good_ns;
    uint64_t think_mean_ns;
    uint32_t most;
};

/* The sessions from now on, for crowd_steering. */
uint32_t climb_steer(const struct climb_rules *rules, const struct crowd_step *steps, unsigned at,
                     uint64_t loading);

/* Where the line through (passed, its share) and (refused, its share) crosses `allowed`. Returns
 * `passed` where it does not lie between. */
double climb_cross(double passed, double passed_share, double refused, double refused_share,
                   double allowed);
