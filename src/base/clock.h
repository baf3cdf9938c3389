/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * clock: the host's clocks, in nanoseconds. Pure layers take times as arguments instead.
 */
#pragma once

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
/* Sleeps, or returns -EINTR early when a signal arrived. */
int clock_sleep_ns(uint64_t duration_ns);
