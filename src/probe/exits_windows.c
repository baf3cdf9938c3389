/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_windows.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "probe/background.h"

#define QUIET_NS UINT64_C(50000000)

/* To look at an exit takes as long as 2.7 system calls that do nothing on a server, and some six on
 * an emulated one (bench/looking.py). */
#define CALLS_OF_A_LOOK 6
#define CPU_SHARE 0.005
#define AFFORDABLE_MIN 500 /* fewer tell little */

struct exits_windows {
    const struct exits_windows_hooks *hooks;
    void *context;
    uint64_t per_s;
    struct background thread;
    bool is_open;
    uint64_t open_ns;   /* when the last window began */
    uint64_t close_ns;  /* ... and closed, if it is not open */
    uint64_t looked_ns; /* windows before it */
    double rate;        /* exits in a second of being looked at, of late */
    struct rng rng;
};

uint64_t exits_windows_affordable(void)
{
    enum { BATCHES = 5, CALLS = 100 };
    uint64_t least_ns = UINT64_MAX;
    for (int i = 0; i < BATCHES; i++) {
        uint64_t start_ns = clock_monotonic_ns();
        for (int j = 0; j < CALLS; j++)
            syscall(SYS_getppid);
        uint64_t batch_ns = clock_monotonic_ns() - start_ns;
        least_ns = batch_ns < least_ns ? batch_ns : least_ns;
    }
    double look_ns = CALLS_OF_A_LOOK * (double)(least_ns ? least_ns : 1) / CALLS;
    double affordable = CPU_SHARE * NS_PER_S / look_ns;
    return affordable > AFFORDABLE_MIN ? (uint64_t)affordable : AFFORDABLE_MIN;
}

uint64_t exits_windows_pause(double rate, uint64_t per_s)
{
    double pause_ns = EXITS_WINDOW_NS * (rate / (double)per_s - 1);
    if (pause_ns < (double)EXITS_PAUSE_MIN_NS)
        return EXITS_PAUSE_MIN_NS;
    return pause_ns < (double)EXITS_PAUSE_MAX_NS ? (uint64_t)pause_ns : EXITS_PAUSE_MAX_NS;
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

/* Looks for a while. */
static void look(struct exits_windows *windows)
{
    uint64_t before = windows->hooks->count(windows->context), from_ns = clock_monotonic_ns();
    bool is_quiet = windows->rate < (double)windows->per_s / 4;
    background_wait(&windows->thread, is_quiet ? QUIET_NS : EXITS_WINDOW_NS);
    uint64_t count = windows->hooks->count(windows->context) - before;
    uint64_t gone_ns = clock_monotonic_ns() - from_ns;
    double rate = (double)count * NS_PER_S / (double)(gone_ns ? gone_ns : 1);
    windows->rate = (windows->rate + rate) / 2;
}

static void pause_looking(struct exits_windows *windows, uint64_t pause_ns)
{
    close_window(windows);
    while (!windows->thread.is_ending && !windows->is_open) {
        background_wait(&windows->thread,
                        (uint64_t)((double)pause_ns * (0.5 + rng_uniform(&windows->rng))));
        if (!windows->thread.is_ending)
            open_window(windows);
    }
}

/* A pause is stood for by a window of the usual length right before it, not by all the time in
 * which there were few exits. Whether there is one and how long it is follows from what was seen
 * before that window: were it by the window's own exits, a busy one would stand for more time than
 * an idle one. Pauses are of random length about that, lest they keep step with what is seen. */
static void *run(void *object)
{
    struct exits_windows *windows = object;
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    /* Where tracepoint.c opens its events: what is there already interrupts no other CPU. Where
     * that may not be, it does. */
    (void)!sched_setaffinity(0, sizeof(first), &first);
    bool is_short = false; /* the window */
    background_lock(&windows->thread);
    while (!windows->thread.is_ending) {
        double rate = windows->rate;
        bool are_many = rate > (double)(EXITS_MANY * windows->per_s);
        if (are_many && !is_short)
            begin_anew(windows);
        is_short = are_many;
        look(windows);
        if (is_short && !windows->thread.is_ending)
            pause_looking(windows, exits_windows_pause(rate, windows->per_s));
    }
    background_unlock(&windows->thread);
    return NULL;
}

int exits_windows_start(const struct exits_windows_hooks *hooks, void *context, uint64_t per_s,
                        struct exits_windows **out_windows, struct error *err)
{
    struct exits_windows *windows = mem_zalloc(sizeof(*windows));
    *windows = (struct exits_windows){.hooks = hooks,
                                      .context = context,
                                      .per_s = per_s,
                                      .is_open = true,
                                      .open_ns = clock_monotonic_ns()};
    rng_init(&windows->rng, windows->open_ns, 0);
    int rc =
        background_start(&windows->thread, run, windows, "the thread that looks at exits", err);
    if (rc < 0)
        free(windows);
    else
        *out_windows = windows;
    return rc;
}

void exits_windows_stop(struct exits_windows *windows)
{
    if (!windows)
        return;
    background_stop(&windows->thread);
    free(windows);
}

void exits_windows_lock(struct exits_windows *windows)
{
    background_lock(&windows->thread);
}

void exits_windows_unlock(struct exits_windows *windows)
{
    background_unlock(&windows->thread);
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
