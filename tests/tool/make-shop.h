/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * make-shop: what a made-up trial of workload `shop` keeps: page times, tables and reasons.
 */
#pragma once

#include "base/rng.h"
#include "store/store.h"

/* speed: of the platform, against native; sessions: of each machine, that it reached. damaged: what
 * is attached cannot be read. */
struct shop_trial {
    double speed;
    double sessions;
    bool damaged;
};

/* Adds attachments and facts to a trial that has its machines. */
void make_shop(const struct shop_trial *shop, struct rng *rng, struct store_trial *trial);
