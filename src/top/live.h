/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * live: the machines of this host on the terminal until the user quits.
 */
#pragma once

#include "top/model.h"
#include "top/sampler.h"

struct live_options {
    struct top_options view; /* at the start */
    uint64_t delay_ns;       /* between two readings */
    uint64_t count;          /* of readings that are shown; 0: no end */
};

/* 0 when the user quits; -EINTR after a signal. */
int live_run(struct sampler *sampler, const struct live_options *options, struct error *err)
    __attribute__((warn_unused_result));
