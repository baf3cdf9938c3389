/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * convert: what was planned and what was seen, as rows for the store.
 */
#pragma once

#include "image/image.h"
#include "machine/machine.h"
#include "plan/plan.h"
#include "probe/probe.h"
#include "store/store.h"
#include "workload/workload.h"

/* Appends the differences of two readings of a machine as figures "cpu_ns", "vcpu_wait_ns", ... */
void convert_usage(struct store_trial *trial, int machine, const struct machine_usage *before,
                   const struct machine_usage *after);
/* What the probes saw, as the trial's readings; the texts are taken over. */
void convert_readings(struct store_trial *trial, struct probe_readings *readings);
/* All that the workload has brought home; what it owns is taken over. */
void convert_samples(struct store_trial *trial, struct workload_run *run);
/* Facts of the moment before the trial. */
void convert_moment(struct store_trial *trial);

/* The campaign's row with its cells, metrics and facts, from a plan whose cells are given. image
 * may be NULL. The caller frees with store_campaign_done(). */
void convert_plan(const struct plan *plan, const struct plan_cell *cells, size_t cell_count,
                  const struct image *image, struct store_campaign *out_campaign);
