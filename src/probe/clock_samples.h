/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * clock_samples: where one thread is, looked at each time that it has used a hundredth of a second
 * of CPU time (perf_event_open(2), the kernel's own clock: no counter of the processor is needed).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "probe/jit.h"

#define CLOCK_SAMPLES_NS UINT64_C(9973000) /* no multiple of the periods of a kernel */

struct clock_samples;

/* Begins to look. Negative errno: no right to (-EACCES), the thread has ended (-ESRCH). */
int clock_samples_open(pid_t tid, struct clock_samples **out_samples, struct error *err)
    __attribute__((warn_unused_result));
/* Takes what was seen since the last time. */
void clock_samples_take(struct clock_samples *samples, const struct jit_range *ranges, size_t count,
                        struct jit_samples *sums);
/* Does it see the thread in the kernel? Who is not root may not. */
bool clock_samples_see_kernel(const struct clock_samples *samples);
struct clock_samples *clock_samples_close(struct clock_samples *samples);
