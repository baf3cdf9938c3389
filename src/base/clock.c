/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

int clock_sleep_ns(uint64_t duration_ns)
{
    struct timespec ts = {.tv_sec = (time_t)(duration_ns / NS_PER_S),
                          .tv_nsec = (long)(duration_ns % NS_PER_S)};
    return -clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}
