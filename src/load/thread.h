/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * thread: the load threads of one run. Each sets itself up and arrives at a gate; when all have
 * arrived and none failed they pass together; while they run, the caller's thread shows progress
 * once a second and hands a Ctrl-C on.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Two cache lines, as processors fetch pairs of them. */
#define LOAD_THREAD_ALIGNMENT 128

struct load_gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned expected;
    unsigned arrived;
    unsigned ready; /* of them, that can do something */
    unsigned left;
    uint64_t start_ns; /* when the last arrived */
    bool failed;
    bool decided;
    bool stopped; /* atomic: threads look at it all the time */
};

enum load_arrival {
    LOAD_ARRIVAL_FAILED, /* nobody passes */
    LOAD_ARRIVAL_IDLE,   /* passes, where another thread is ready */
    LOAD_ARRIVAL_READY,
};

/* For the threads, each in this order. */
void load_gate_arrive(struct load_gate *gate, enum load_arrival arrival);
bool load_gate_wait(struct load_gate *gate); /* true: go on */
void load_gate_leave(struct load_gate *gate);
/* The common start, on the monotonic clock; after load_gate_wait(). */
static inline uint64_t load_gate_start_ns(const struct load_gate *gate)
{
    return gate->start_ns;
}
static inline bool load_gate_is_stopped(const struct load_gate *gate)
{
    return __atomic_load_n(&gate->stopped, __ATOMIC_RELAXED);
}

struct load_threads {
    void *(*run)(void *thread);
    void *threads; /* an array from load_threads_alloc() */
    size_t thread_bytes;
    unsigned count;
    struct load_gate *gate; /* initialised here */
    /* Each second after the gate, and on what is left of the last; NULL: none. */
    void (*show)(void *context, uint64_t elapsed_ns);
    void *show_context;
    /* Some times a second after the gate: true stops the threads; NULL: never. */
    bool (*enough)(void *context, uint64_t elapsed_ns);
    bool passed; /* out: the gate was passed */
};

/* Runs all threads to their end. A negative errno when they could not be started. */
int load_threads_run(struct load_threads *threads, struct error *err)
    __attribute__((warn_unused_result));

/* Zeroed memory aligned to LOAD_THREAD_ALIGNMENT, for free(). */
void *load_threads_alloc(unsigned count, size_t thread_bytes);

/* Pins the calling thread to cpus[index % count]; none: leaves it. Makes its timers precise. */
int load_thread_pin(const uint64_t *cpus, size_t count, unsigned index, struct error *err)
    __attribute__((warn_unused_result));
/* Has the calling thread go before those of others where that is allowed (root): it sleeps
 * most of the time, and must not be late when it wakes. */
void load_thread_hurry(void);
/* User and system time of the calling thread. */
uint64_t load_thread_cpu_ns(void);
