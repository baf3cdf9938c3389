/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * preflight: can this plan run on this host? Asked before anything is made or stored.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "plan/plan.h"

struct preflight_host {
    unsigned cpu_count;
    uint64_t memory_bytes;
    bool emulated; /* the lab's server: its seconds tell nothing, so vCPUs may share its CPUs */
};

/* Pure part: pairs of platform and workload that cannot go together (ERROR_USAGE), more memory than
 * the host has, a placement on CPUs that it has not, or that a platform would not heed
 * (ERROR_USAGE), more vCPUs in one machine than it has CPUs unless it is emulated (ERROR_USAGE),
 * native with an image that has no root. */
int preflight_check(const struct plan *plan, const struct preflight_host *host, struct error *err)
    __attribute__((warn_unused_result));

/* Asks each platform whether it can be used here. With skip_missing the ones that cannot are taken
 * out of the plan, with a warning that says why; the baseline must remain, and one more. */
int preflight_probe(struct plan *plan, const char *uri, bool skip_missing, struct error *err)
    __attribute__((warn_unused_result));
