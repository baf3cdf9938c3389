/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_windows.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

struct exits_windows {
    const struct exits_windows_hooks *hooks;
    void *context;
    uint64_t per_s;
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t thread;
    bool is_ending;
    bool is_open;
    uint64_t open_ns;   /* when the last window began */
    uint64_t close_ns;  /* ... and closed, if it is not open */
    uint64_t looked_ns; /* windows before it */
    struct rng rng;
};

uint64_t exits_windows_pause(uint64_t count, uint64_t window_ns, uint64_t per_s)
{
    double due = (double)per_s * (double)window_ns / NS_PER_S;
    if ((double)count <= EXITS_MANY * due)
        return 0;
    double pause_ns = (double)window_ns * ((double)count / due - 1);
    return pause_ns < (double)EXITS_PAUSE_MAX_NS ? (uint64_t)pause_ns : EXITS_PAUSE_MAX_NS;
}

/* Under the lock, which is free meanwhile. */
static void wait_ns(struct exits_windows *windows, uint64_t duration_ns)
{
    uint64_t until_ns = clock_monotonic_ns() + duration_ns;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};
    while (!windows->is_ending && clock_monotonic_ns() < until_ns)
        pthread_cond_timedwait(&windows->end, &windows->lock, &until);
}

/* What comes from now on is apart from what was, which counts once. */
static void begin_anew(struct exits_windows *windows)
{
    uint64_t now_ns = clock_monotonic_ns();
    windows->hooks->note(windows->context);
    windows->hooks->end(windows->context, 1);
    windows->looked_ns += now_ns - windows->open_ns;
    windows->open_ns = now_ns;
}

static void close_window(struct exits_windows *windows)
{
    windows->close_ns = clock_monotonic_ns();
    windows->hooks->close(windows->context);
    windows->hooks->note(windows->context);
    windows->looked_ns += windows->close_ns - windows->open_ns;
    windows->is_open = false;
}

static void open_window(struct exits_windows *windows)
{
    double weight = exits_windows_weight(windows);
    if (!windows->hooks->open(windows->context))
        return; /* the pause goes on, and what was seen last stands for it, too */
    windows->hooks->end(windows->context, weight);
    windows->open_ns = clock_monotonic_ns();
    windows->is_open = true;
}

/* Pauses are of random length about what they should be, lest they keep step with what is seen. A
 * pause is stood for by a window of the usual length right before it, not by all the time in which
 * there were few exits. */
static void *run(void *object)
{
    struct exits_windows *windows = object;
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    /* Where tracepoint.c opens its events: what is there already interrupts no other CPU. Where
     * that may not be, it does. */
    (void)!sched_setaffinity(0, sizeof(first), &first);
    bool is_short = true; /* the window began with this turn */
    pthread_mutex_lock(&windows->lock);
    while (!windows->is_ending) {
        uint64_t before = windows->hooks->count(windows->context), from_ns = clock_monotonic_ns();
        wait_ns(windows, EXITS_WINDOW_NS);
        uint64_t pause_ns = exits_windows_pause(windows->hooks->count(windows->context) - before,
                                                clock_monotonic_ns() - from_ns, windows->per_s);
        if (windows->is_ending)
            break;
        bool was_short = is_short;
        is_short = pause_ns > 0;
        if (is_short && !was_short)
            begin_anew(windows);
        if (!is_short || !was_short)
            continue;
        close_window(windows);
        while (!windows->is_ending && !windows->is_open) {
            wait_ns(windows, (uint64_t)((double)pause_ns * (0.5 + rng_uniform(&windows->rng))));
            if (!windows->is_ending)
                open_window(windows);
        }
    }
    pthread_mutex_unlock(&windows->lock);
    return NULL;
}

/* No signal is handled on it. */
int exits_windows_start(const struct exits_windows_hooks *hooks, void *context, uint64_t per_s,
                        struct exits_windows **out_windows, struct error *err)
{
    struct exits_windows *windows = mem_zalloc(sizeof(*windows));
    sigset_t all, before;
    pthread_condattr_t attributes;
    *windows = (struct exits_windows){.hooks = hooks,
                                      .context = context,
                                      .per_s = per_s,
                                      .is_open = true,
                                      .open_ns = clock_monotonic_ns()};
    rng_init(&windows->rng, windows->open_ns, 0);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&windows->lock, NULL);
    pthread_cond_init(&windows->end, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&windows->thread, NULL, run, windows);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) {
        *out_windows = windows;
        return 0;
    }
    pthread_cond_destroy(&windows->end);
    pthread_mutex_destroy(&windows->lock);
    free(windows);
    return error_set_errno(err, ERROR_ENVIRONMENT, -code, "start the thread that looks at exits");
}

void exits_windows_stop(struct exits_windows *windows)
{
    if (!windows)
        return;
    pthread_mutex_lock(&windows->lock);
    windows->is_ending = true;
    pthread_cond_signal(&windows->end);
    pthread_mutex_unlock(&windows->lock);
    pthread_join(windows->thread, NULL);
    pthread_cond_destroy(&windows->end);
    pthread_mutex_destroy(&windows->lock);
    free(windows);
}

void exits_windows_lock(struct exits_windows *windows)
{
    pthread_mutex_lock(&windows->lock);
}

void exits_windows_unlock(struct exits_windows *windows)
{
    pthread_mutex_unlock(&windows->lock);
}

bool exits_windows_are_open(const struct exits_windows *windows)
{
    return windows->is_open;
}

double exits_windows_weight(const struct exits_windows *windows)
{
    if (windows->is_open || windows->close_ns <= windows->open_ns)
        return 1;
    return (double)(clock_monotonic_ns() - windows->open_ns) /
           (double)(windows->close_ns - windows->open_ns);
}

uint64_t exits_windows_looked_ns(const struct exits_windows *windows)
{
    return windows->looked_ns + (windows->is_open ? clock_monotonic_ns() - windows->open_ns : 0);
}
