/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_source: who tells exits.c of exits. Each is one const struct; what its functions do is what
 * those of exits.h do.
 */
#pragma once

#include "probe/exits.h"

struct exits_backend {
    const char *name;
    int (*open)(const char *tracefs, const struct exits_points *points, void **out_state,
                struct error *err);
    void (*each)(void *state, pid_t process,
                 void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                               void *context),
                 void *context);
    void (*keep)(void *state, bool (*is_wanted)(pid_t process, void *context), void *context);
    uint64_t (*lost)(void *state);
    const char *lost_means;
    const char *(*uncounted)(void *state);
    const char *(*by_records)(void *state);              /* NULL: it knows nothing else */
    bool (*count_all)(void *state, uint64_t *out_count); /* NULL: it never can */
    bool (*looked_ns)(void *state, uint64_t *out_ns);    /* NULL: it always looks */
    void (*close)(void *state);
};

extern const struct exits_backend exits_by_bpf;
extern const struct exits_backend exits_by_tracefs;

#define EXITS_SWITCH_EVENT "sched/sched_switch"
