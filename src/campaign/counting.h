/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counting: in an emulated server of the lab, what its emulator counted while a trial was measured.
 * Elsewhere nothing.
 */
#pragma once

#include "base/tally.h"
#include "store/store.h"
#include "workload/workload.h"

struct counting {
    struct tally before; /* the run of the workload */
    struct tally start;  /* of the interval under way */
    struct tally sum;    /* over all intervals */
    unsigned intervals;
    struct workload_meter meter; /* for workload_run: notes intervals */
};

void counting_init(struct counting *counting);
/* Around the workload's `run`, which is taken as a whole when it noted no intervals. */
void counting_begin_run(struct counting *counting);
void counting_end_run(struct counting *counting);
/* Appends figures of the whole trial, or, in a lab where nothing counts, why there are none. */
void counting_store(const struct counting *counting, struct store_trial *trial);
