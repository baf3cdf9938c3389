/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * timers: one deadline for each of a fixed number of things, earliest first. Pure; a heap, so that
 * setting one among tens of thousands costs some hundred nanoseconds and no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define TIMERS_NEVER UINT64_MAX

struct timers_entry {
    uint64_t when_ns;
    uint32_t id;
};

struct timers {
    struct timers_entry *heap;
    uint32_t *position; /* of each id in the heap; UINT32_MAX: not set */
    uint32_t count;     /* set ones */
};

void timers_init(struct timers *timers, uint32_t ids);
/* Sets or moves the deadline of id. */
void timers_set(struct timers *timers, uint32_t id, uint64_t when_ns);
void timers_cancel(struct timers *timers, uint32_t id);
/* The earliest deadline, TIMERS_NEVER where none is set. */
uint64_t timers_next_ns(const struct timers *timers);
/* Takes one whose deadline is at most now_ns, the earliest; false when there is none. */
bool timers_take(struct timers *timers, uint64_t now_ns, struct timers_entry *out_entry);
void timers_done(struct timers *timers);
