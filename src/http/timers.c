/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/timers.h"

#define UNSET UINT32_MAX

enum { ARITY = 4 }; /* flatter than binary: fewer cache lines on the way */

void timers_init(struct timers *timers, uint32_t ids)
{
    timers->heap = mem_array(ids, sizeof(timers->heap[0]));
    timers->position = mem_array(ids, sizeof(timers->position[0]));
    timers->count = 0;
    for (uint32_t i = 0; i < ids; i++)
        timers->position[i] = UNSET;
}

void timers_done(struct timers *timers)
{
    free(timers->heap);
    free(timers->position);
    *timers = (struct timers){0};
}

static void place(struct timers *timers, uint32_t at, struct timers_entry entry)
{
    timers->heap[at] = entry;
    timers->position[entry.id] = at;
}

static void sift_up(struct timers *timers, uint32_t at, struct timers_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (timers->heap[parent].when_ns <= entry.when_ns)
            break;
        place(timers, at, timers->heap[parent]);
        at = parent;
    }
    place(timers, at, entry);
}

static void sift_down(struct timers *timers, uint32_t at, struct timers_entry entry)
{
    for (;;) {
        uint32_t first = at * ARITY + 1, least = first;
        if (first >= timers->count)
            break;
        for (uint32_t i = first + 1; i < first + ARITY && i < timers->count; i++)
            if (timers->heap[i].when_ns < timers->heap[least].when_ns)
                least = i;
        if (timers->heap[least].when_ns >= entry.when_ns)
            break;
        place(timers, at, timers->heap[least]);
        at = least;
    }
    place(timers, at, entry);
}

/* Puts entry where the one at `at` was. */
static void settle(struct timers *timers, uint32_t at, struct timers_entry entry)
{
    if (at > 0 && timers->heap[(at - 1) / ARITY].when_ns > entry.when_ns)
        sift_up(timers, at, entry);
    else
        sift_down(timers, at, entry);
}

void timers_set(struct timers *timers, uint32_t id, uint64_t when_ns)
{
    struct timers_entry entry = {when_ns, id};
    if (timers->position[id] == UNSET)
        sift_up(timers, timers->count++, entry);
    else
        settle(timers, timers->position[id], entry);
}

void timers_cancel(struct timers *timers, uint32_t id)
{
    uint32_t at = timers->position[id];
    if (at == UNSET)
        return;
    timers->position[id] = UNSET;
    timers->count--;
    if (at < timers->count)
        settle(timers, at, timers->heap[timers->count]);
}

uint64_t timers_next_ns(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0].when_ns : TIMERS_NEVER;
}

bool timers_take(struct timers *timers, uint64_t now_ns, struct timers_entry *out_entry)
{
    if (timers->count == 0 || timers->heap[0].when_ns > now_ns)
        return false;
    *out_entry = timers->heap[0];
    timers_cancel(timers, out_entry->id);
    return true;
}
