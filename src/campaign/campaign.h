/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * campaign: runs a plan. Cells in seeded random blocks, each trial on freshly booted machines,
 * every trial stored as soon as it has ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/plan.h"
#include "store/store.h"

struct campaign_options {
    struct plan *plan;      /* platforms that are not to be had are taken out with skip_missing */
    const char *store_path; /* NULL: the default store */
    const char *uri;        /* libvirt URI; NULL: the in-process driver */
    bool resume;            /* go on with the newest incomplete campaign of the same plan */
    bool skip_missing;      /* leave out platforms that this host does not offer, and say so */
    const char *kallsyms;   /* a directory for the symbols of machines' kernels; NULL: none */
    uint64_t give_up;       /* end after so many trials in a row that did not boot; 0: never */
};

struct campaign_summary {
    int64_t id;
    size_t ok, failed, invalid; /* trials of this campaign, earlier runs of it included */
    bool complete;
    char end_cause[64]; /* "blocks", "ci", "budget", ... */
};

/* Runs to the end. A failed trial is data and no error; errors are what keeps the campaign from
 * going on: -EINTR when the user interrupts, a store that cannot be written, a host that lacks
 * something, or nothing that boots. What has been measured until then is in the store. *out_summary
 * is set as soon as the campaign has an id (id 0: it never began). */
int campaign_run(const struct campaign_options *options, struct campaign_summary *out_summary,
                 struct error *err) __attribute__((warn_unused_result));
