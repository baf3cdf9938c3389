/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * provenance: facts that held for every trial, apart from those that changed from trial to trial.
 */
#pragma once

#include "report/report.h"

/* Sets same and variations from the campaign's and the trials' facts. */
void provenance_split(struct report *report);
void provenance_done(struct report *report);
/* NULL when no such fact held for every trial. */
const char *provenance_find(const struct report *report, const char *name);
