/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * failure: every way in which a request can go wrong, each counted apart.
 */
#pragma once

#include <stdint.h>

#include "http/client.h"

enum load_failure {
    /* 0 .. CLIENT_FAILURES-1: enum client_failure */
    LOAD_BAD_STATUS = CLIENT_FAILURES, /* a whole response with a status that was not asked for */
    LOAD_INVALID,                      /* a whole response that does not hold what it must */
    LOAD_FAILURES,
};

/* "connect_refused", "bad_status", ... */
const char *load_failure_name(unsigned failure);

struct load_failures {
    uint64_t counts[LOAD_FAILURES];
};

uint64_t load_failures_total(const struct load_failures *failures);
void load_failures_merge(struct load_failures *into, const struct load_failures *from);

/* A counter that one thread writes and others may read at any time: a plain addition. */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
