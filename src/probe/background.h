/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * background: a thread that does something now and then, under a lock that it gives up while it
 * waits, until it is to end.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct background {
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t thread;
    bool has_thread;
    bool is_ending; /* under the lock */
};

/* what: "the thread that ...", for the error. No signal is handled on it. */
int background_start(struct background *background, void *(*run)(void *context), void *context,
                     const char *what, struct error *err) __attribute__((warn_unused_result));
/* Waits for its end. Nothing where it was not started. */
void background_stop(struct background *background);

void background_lock(struct background *background);
void background_unlock(struct background *background);
/* On the thread, under the lock: for so long, or until it is to end. */
void background_wait(struct background *background, uint64_t duration_ns);
