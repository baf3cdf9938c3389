/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_windows.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "probe/background.h"
#include "probe/exits.h"

/* To look at an exit takes as long as 2.7 system calls that do nothing on a server
 * (bench/looking.py); on an emulated one, where nothing of it is at hand after guest mode, several
 * times that. */
#define CALLS_OF_A_LOOK 6
#define CPU_SHARE 0.01
#define AFFORDABLE_MIN 300 /* fewer tell little */
/* Where there are fewer exits than so many times that, or than these, windows save too little for
 * what they leave out: of a bzip2 and a netperf of some seconds with 600 to 1,000 exits a second,
 * up to 17 points of their difference were told wrong. */
#define ALL_SHARE 3
#define ALL_MIN 1500

/* To open and close a window takes as long as some 150 looks where programs are attached for it (in
 * the lab 100,000 instructions): so it is for as many at least. */
#define LOOKS_OF_A_WINDOW 150
#define WINDOW_LOOKS 200
/* How often to count while all are looked at, and few or many come. */
#define COUNT_NS UINT64_C(50000000)
#define COUNT_MANY_NS UINT64_C(20000000)

struct exits_windows {
    const struct exits_windows_hooks *hooks;
    void *context;
    struct exits_limits limits;
    bool is_guessed; /* what can be afforded, until a look's time is known */
    double left;     /* looks that can be made in addition to limits.all_per_s, from now on */
    uint64_t left_ns;
    struct background thread;
    bool is_open;
    uint64_t open_ns;   /* when the last window began */
    uint64_t until_ns;  /* ... ends at the latest: nothing is seen after it */
    uint64_t close_ns;  /* ... and closed, if it is not open */
    uint64_t looked_ns; /* windows before it */
    double rate;        /* exits in a second of being looked at, of late */
    struct rng rng;
};

static double guess_look_ns(void)
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
    return CALLS_OF_A_LOOK * (double)least_ns / CALLS;
}

struct exits_limits exits_windows_affordable(double look_ns)
{
    double per_s = fmax(CPU_SHARE * NS_PER_S / fmax(look_ns, 1), AFFORDABLE_MIN);
    return (struct exits_limits){(uint64_t)per_s, (uint64_t)fmax(ALL_SHARE * per_s, ALL_MIN)};
}

double exits_windows_left(double left, uint64_t per_s, uint64_t elapsed_ns, uint64_t looks)
{
    double more = (double)per_s * (double)elapsed_ns / NS_PER_S - (double)looks;
    return fmin(left + more, (double)per_s);
}

static uint64_t clamp_ns(double ns, uint64_t least_ns, uint64_t most_ns)
{
    return ns < (double)least_ns ? least_ns : ns < (double)most_ns ? (uint64_t)ns : most_ns;
}

uint64_t exits_windows_length(double rate)
{
    return clamp_ns(WINDOW_LOOKS * (NS_PER_S / fmax(rate, 1)), EXITS_WINDOW_MIN_NS,
                    EXITS_WINDOW_MAX_NS);
}

uint64_t exits_windows_pause(double rate, uint64_t per_s)
{
    double window_ns = (double)exits_windows_length(rate);
    double looks = rate * window_ns / NS_PER_S + LOOKS_OF_A_WINDOW;
    return clamp_ns(looks / (double)per_s * NS_PER_S - window_ns, EXITS_PAUSE_MIN_NS,
                    EXITS_PAUSE_MAX_NS);
}

static uint64_t earlier(uint64_t left_ns, uint64_t right_ns)
{
    return left_ns < right_ns ? left_ns : right_ns;
}

/* Until when was looked, at now_ns. */
static uint64_t end_of_looking(const struct exits_windows *windows, uint64_t now_ns)
{
    return windows->is_open ? earlier(now_ns, windows->until_ns) : windows->close_ns;
}

static void limit_window(struct exits_windows *windows, uint64_t until_ns)
{
    windows->until_ns = until_ns;
    windows->hooks->limit(windows->context, until_ns);
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

static void close_window(struct exits_windows *windows, uint64_t exits_to_come)
{
    windows->close_ns = end_of_looking(windows, clock_monotonic_ns());
    windows->hooks->close(windows->context, exits_to_come);
    windows->hooks->note(windows->context);
    windows->looked_ns += windows->close_ns - windows->open_ns;
    windows->is_open = false;
}

static void open_window(struct exits_windows *windows)
{
    double weight = exits_windows_weight(windows);
    limit_window(windows, EXITS_NO_LIMIT);
    if (!windows->hooks->open(windows->context))
        return; /* the pause goes on, and what was seen last stands for it, too */
    windows->hooks->end(windows->context, weight);
    windows->open_ns = clock_monotonic_ns();
    windows->is_open = true;
}

static void set_limits(struct exits_windows *windows, struct exits_limits limits)
{
    windows->limits = limits;
    windows->left = (double)limits.all_per_s;
    windows->left_ns = clock_monotonic_ns();
}

static void take_looks(struct exits_windows *windows, uint64_t looks)
{
    uint64_t now_ns = clock_monotonic_ns();
    windows->left = exits_windows_left(windows->left, windows->limits.all_per_s,
                                       now_ns - windows->left_ns, looks);
    windows->left_ns = now_ns;
    double look_ns = windows->is_guessed ? windows->hooks->look_ns(windows->context) : 0;
    if (look_ns > 0) {
        set_limits(windows, exits_windows_affordable(look_ns));
        windows->is_guessed = false;
    }
}

/* Returns how many exits came. */
static uint64_t look(struct exits_windows *windows, uint64_t duration_ns)
{
    uint64_t before = windows->hooks->count(windows->context), from_ns = clock_monotonic_ns();
    background_wait(&windows->thread, duration_ns);
    uint64_t count = windows->hooks->count(windows->context) - before;
    uint64_t to_ns = end_of_looking(windows, clock_monotonic_ns());
    double rate = to_ns > from_ns ? (double)count * NS_PER_S / (double)(to_ns - from_ns) : 0;
    windows->rate = (windows->rate + rate) / 2;
    return count;
}

static void look_at_all(struct exits_windows *windows)
{
    bool are_few = windows->rate < (double)windows->limits.per_s;
    take_looks(windows, look(windows, are_few ? COUNT_NS : COUNT_MANY_NS));
}

static void look_in_window(struct exits_windows *windows, double rate)
{
    uint64_t duration_ns = exits_windows_length(rate);
    limit_window(windows, windows->open_ns + duration_ns);
    take_looks(windows, look(windows, duration_ns));
}

static void pause_looking(struct exits_windows *windows, double rate)
{
    double pause_ns = (double)exits_windows_pause(rate, windows->limits.per_s);
    close_window(windows, (uint64_t)(rate * pause_ns / NS_PER_S));
    while (!windows->thread.is_ending && !windows->is_open) {
        background_wait(&windows->thread,
                        (uint64_t)(pause_ns * (0.5 + rng_uniform(&windows->rng))));
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
        bool are_many = rate > (double)windows->limits.all_per_s && (is_short || windows->left < 0);
        if (are_many && !is_short)
            begin_anew(windows);
        is_short = are_many;
        if (!are_many) {
            look_at_all(windows);
            continue;
        }
        look_in_window(windows, rate);
        if (!windows->thread.is_ending)
            pause_looking(windows, rate);
    }
    background_unlock(&windows->thread);
    return NULL;
}

int exits_windows_start(const struct exits_windows_hooks *hooks, void *context, uint64_t per_s,
                        struct exits_windows **out_windows, struct error *err)
{
    bool is_guessed = per_s == EXITS_AFFORDABLE;
    struct exits_windows *windows = mem_zalloc(sizeof(*windows));
    *windows = (struct exits_windows){.hooks = hooks,
                                      .context = context,
                                      .is_guessed = is_guessed,
                                      .is_open = true,
                                      .open_ns = clock_monotonic_ns()};
    set_limits(windows, is_guessed ? exits_windows_affordable(guess_look_ns())
                                   : (struct exits_limits){per_s, per_s});
    limit_window(windows, EXITS_NO_LIMIT);
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
    uint64_t now_ns = clock_monotonic_ns(), end_ns = end_of_looking(windows, now_ns);
    if (end_ns >= now_ns || end_ns <= windows->open_ns)
        return 1;
    return (double)(now_ns - windows->open_ns) / (double)(end_ns - windows->open_ns);
}

uint64_t exits_windows_looked_ns(const struct exits_windows *windows)
{
    if (!windows->is_open)
        return windows->looked_ns;
    return windows->looked_ns + end_of_looking(windows, clock_monotonic_ns()) - windows->open_ns;
}
