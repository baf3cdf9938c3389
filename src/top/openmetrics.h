/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * openmetrics: a snapshot as OpenMetrics 1.0 text, for Prometheus. Counts since each machine
 * started; a figure that cannot be had has no sample, and one of vtax_vm_missing with the reason.
 * Pure.
 */
#pragma once

#include "base/strbuf.h"
#include "top/snapshot.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

void openmetrics_add(const struct snapshot *snapshot, struct strbuf *out);
