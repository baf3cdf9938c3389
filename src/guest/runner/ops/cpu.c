/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/ops/bench.h"

#include <cpuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_NS 100000

int64_t bench_exit(struct bench *bench, uint64_t count)
{
    unsigned a, b, c, d;
    (void)bench;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        __cpuid(0, a, b, c, d); /* volatile: each one is done */
    return bench_now() - start;
}

int64_t bench_syscall(struct bench *bench, uint64_t count)
{
    (void)bench;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        syscall(SYS_getppid);
    return bench_now() - start;
}

int64_t bench_clock(struct bench *bench, uint64_t count)
{
    (void)bench;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        bench_now();
    return bench_now() - start;
}

/* The kernel may let a sleep end late on purpose, by its timer slack: not here. */
int64_t bench_timer(struct bench *bench, uint64_t count)
{
    int64_t late = 0;
    if (prctl(PR_SET_TIMERSLACK, 1) < 0)
        return bench_complain(bench, "prctl PR_SET_TIMERSLACK");
    for (uint64_t i = 0; i < count; i++) {
        int64_t end = bench_now() + SLEEP_NS;
        struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
            return bench_complain(bench, "clock_nanosleep");
        late += bench_now() - end;
    }
    return late;
}
