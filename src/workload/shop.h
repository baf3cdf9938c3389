/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shop: the parts of the workload of this name. shop.c is what the plan and the campaign see,
 * shop-stage.c puts the shops into the machines, shop-keep.c turns the result into samples, facts
 * and attachments.
 */
#pragma once

#include <pthread.h>

#include "load/capacity.h"
#include "load/rules.h"
#include "load/thread.h"
#include "shop/authority.h"
#include "shop/besim.h"
#include "shop/deploy.h"
#include "workload/pulse.h"
#include "workload/workload.h"

struct shop_options {
    uint64_t sessions; /* of each machine; 0: search */
    uint64_t start;    /* of each machine, like the next two */
    uint64_t most;
    double arrivals_hz;      /* of each machine; 0: sessions are always there */
    uint64_t built_sessions; /* 0: as many as come, at most the next */
    uint64_t built_most;
    uint64_t threads; /* 0: one for each CPU of the load side */
    struct rules rules;
};

enum shop_metric {
    SHOP_METRIC_SESSIONS,
    SHOP_METRIC_PAGES,
    SHOP_METRIC_GOOD,
    SHOP_METRIC_P90,
    SHOP_METRIC_P99,
};

/* The shops in all machines of a trial, the back end, and where the load goes. */
struct shop_stage {
    struct workload_run *run;
    int namespace_fd;        /* of the load side; 0: ours */
    struct shop_world world; /* that the shops are built for */
    struct authority *authority;
    struct deploy *deploys[PLAN_VMS_MAX];
    struct besim *besim;
    pthread_t besim_thread;
    char back_end[64]; /* as the load side reaches it */
    struct target targets[2 * PLAN_VMS_MAX];
    struct crowd_shop shops[PLAN_VMS_MAX];
    uint64_t sessions_most; /* of all shops: what the limits of this process allow */
};

/* Deploys and starts everything; shop_stage_free() also after a failure. */
int shop_stage_open(struct shop_stage *stage, struct error *err)
    __attribute__((warn_unused_result));
void shop_stage_done(struct shop_stage *stage);
/* Builds the shops for another number of sessions of each machine: their files grow, and Apache
 * starts anew. Does nothing where they are built for that. */
int shop_stage_rebuild(struct shop_stage *stage, uint64_t sessions, struct error *err)
    __attribute__((warn_unused_result));

/* Do sessions come and go? */
static inline bool shop_is_open(const struct shop_options *options)
{
    return options->arrivals_hz > 0;
}

/* Is it one number or rate, and no search? */
static inline bool shop_is_one(const struct shop_options *options)
{
    return options->sessions || shop_is_open(options);
}

/* Sessions of each machine that the first bout has. Of arrivals as many as are there where a page
 * takes no time at all. */
uint64_t shop_first_sessions(const struct shop_options *options);
/* What the shops are built for where so many sessions of a machine come. */
uint32_t shop_built_sessions(const struct shop_options *options, uint64_t sessions);

/* All that Apache has logged in one machine, which this stops. */
struct shop_log {
    uint64_t requests;
    uint64_t bytes; /* of bodies */
};
int shop_stage_read_log(struct shop_stage *stage, unsigned machine, struct shop_log *out_log,
                        struct error *err) __attribute__((warn_unused_result));

/* What the engine counted of one shop in all its bouts. */
struct shop_count {
    uint64_t requests; /* answered or failed */
    uint64_t bytes;
    uint64_t pages;        /* complete */
    uint64_t page_time_ns; /* of these together, from their planned start */
    uint64_t unsure;       /* failed or given up under way: the server may have seen them or not */
};

/* One bout, and when it was. */
struct shop_bout {
    uint32_t sessions;
    bool good;
    uint64_t start_ns; /* clock_monotonic_ns() */
};

struct shop_trial {
    struct shop_stage stage;
    struct pulse *pulse;
    struct capacity_options search;
    struct capacity capacity;
    uint64_t start_ns; /* of the bout under way, or the last one */
    struct shop_bout *bouts;
    size_t bout_count;
    struct shop_count counts[PLAN_VMS_MAX];
};

/* Adds all that the trial brings home to run, and says whether it counts. */
int shop_keep(struct workload_run *run, const struct shop_trial *trial, struct error *err)
    __attribute__((warn_unused_result));
