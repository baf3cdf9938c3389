/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_windows: when exits are looked at: always, or where many come in a second, in windows of
 * time with pauses between them, so that looking costs no more than looking at a few. A loop of
 * exits took half as many instructions more with every one looked at.
 *
 * A thread of its own opens and closes windows; what it calls runs under the lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define EXITS_WINDOW_MIN_NS UINT64_C(10000000)
#define EXITS_WINDOW_MAX_NS UINT64_C(500000000)
#define EXITS_PAUSE_MIN_NS UINT64_C(20000000)
#define EXITS_PAUSE_MAX_NS UINT64_C(2000000000)
#define EXITS_NO_LIMIT ((uint64_t)INT64_MAX) /* a time of the monotonic clock, ns */

struct exits_windows_hooks {
    bool (*open)(void *context); /* begin to look; false: it cannot be, for now */
    /* Look no more; about so many exits will go by until the next window. */
    void (*close)(void *context, uint64_t exits_to_come);
    void (*limit)(void *context, uint64_t until_ns); /* what ends after it is not noted */
    void (*note)(void *context);                     /* what was seen until now */
    void (*end)(void *context, double weight); /* of what was noted last; another window begins */
    uint64_t (*count)(void *context);          /* looked at so far */
    double (*look_ns)(void *context);          /* what a look takes; 0: not known yet */
};

struct exits_windows;

/* Of exits in a second, on the whole host. */
struct exits_limits {
    uint64_t per_s;     /* that are looked at where there are windows; at least 1 */
    uint64_t all_per_s; /* up to which all are, and as many at once */
};

/* What can be looked at for one percent of a CPU, where a look takes so long. */
struct exits_limits exits_windows_affordable(double look_ns);

/* Looks that can be made at once beside those per_s: what was not used of these in the last second.
 * left: before elapsed_ns, in which `looks` were made. Below 0 there must be windows. */
double exits_windows_left(double left, uint64_t per_s, uint64_t elapsed_ns, uint64_t looks);

/* How long to look, ns, and how long not to, where `rate` exits come in a second, so that per_s are
 * looked at, less what opening and closing takes. */
uint64_t exits_windows_length(double rate);
uint64_t exits_windows_pause(double rate, uint64_t per_s);

/* A window is open when this begins, and stays open while not too many exits come. per_s: both
 * limits; EXITS_AFFORDABLE: what can be, by the time of a system call, and of a look as soon as
 * that is known. */
int exits_windows_start(const struct exits_windows_hooks *hooks, void *context, uint64_t per_s,
                        struct exits_windows **out_windows, struct error *err)
    __attribute__((warn_unused_result));
void exits_windows_stop(struct exits_windows *windows);

/* No window opens or closes in between. */
void exits_windows_lock(struct exits_windows *windows);
void exits_windows_unlock(struct exits_windows *windows);
/* Under the lock: is a window open, how much does the last one count until now (1 while it is
 * open), and how long has there been one so far? */
bool exits_windows_are_open(const struct exits_windows *windows);
double exits_windows_weight(const struct exits_windows *windows);
uint64_t exits_windows_looked_ns(const struct exits_windows *windows);
