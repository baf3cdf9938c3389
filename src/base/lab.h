/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lab: is this host an emulated server of the lab? Its init says so in the environment.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

/* The fact that says of a campaign that it came home from one (lab/lab.h). */
#define LAB_FACT "lab.kind"

static inline bool lab_is_here(void)
{
    return getenv("VTAX_LAB");
}

/* The directory for logs that go home with a run that failed; NULL: this is no lab. */
static inline const char *lab_logs(void)
{
    return getenv("VTAX_LAB_LOGS");
}
