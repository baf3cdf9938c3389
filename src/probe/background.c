/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/background.h"

#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

static void done(struct background *background)
{
    pthread_cond_destroy(&background->end);
    pthread_mutex_destroy(&background->lock);
}

int background_start(struct background *background, void *(*run)(void *context), void *context,
                     const char *what, struct error *err)
{
    sigset_t all, before;
    pthread_condattr_t attributes;
    *background = (struct background){0};
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&background->lock, NULL);
    pthread_cond_init(&background->end, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&background->thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    background->has_thread = code == 0;
    if (background->has_thread)
        return 0;
    done(background);
    return error_set_errno(err, ERROR_ENVIRONMENT, -code, "start %s", what);
}

void background_stop(struct background *background)
{
    if (!background->has_thread)
        return;
    background_lock(background);
    background->is_ending = true;
    pthread_cond_signal(&background->end);
    background_unlock(background);
    pthread_join(background->thread, NULL);
    background->has_thread = false;
    done(background);
}

void background_lock(struct background *background)
{
    pthread_mutex_lock(&background->lock);
}

void background_unlock(struct background *background)
{
    pthread_mutex_unlock(&background->lock);
}

void background_wait(struct background *background, uint64_t duration_ns)
{
    uint64_t until_ns = clock_monotonic_ns() + duration_ns;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};
    while (!background->is_ending && clock_monotonic_ns() < until_ns)
        pthread_cond_timedwait(&background->end, &background->lock, &until);
}
