/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/failure.h"

const char *load_failure_name(unsigned failure)
{
    switch (failure) {
    case LOAD_BAD_STATUS:
        return "bad_status";
    case LOAD_INVALID:
        return "validation";
    default:
        return client_failure_name((enum client_failure)failure);
    }
}

uint64_t load_failures_total(const struct load_failures *failures)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < LOAD_FAILURES; i++)
        total += failures->counts[i];
    return total;
}

void load_failures_merge(struct load_failures *into, const struct load_failures *from)
{
    for (unsigned i = 0; i < LOAD_FAILURES; i++)
        into->counts[i] += from->counts[i];
}
