/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * starts: cells whose machines were not there at the first try, from the trials' fact
 * machine.starts. Such trials count as others do, so that this must be said beside their numbers.
 */
#pragma once

#include "report/report.h"

/* What a campaign's cells needed: "WORKLOAD on PLATFORM, ...: 3 extra starts in 2 of 5 trials;
 * ..."; the caller's to free, not escaped. NULL: every machine was there at once. */
char *starts_describe(const struct report *part);
