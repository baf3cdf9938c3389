/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * label: short names of cells; what all cells have in common is left out.
 */
#pragma once

#include <stdbool.h>

#include "report/report.h"

struct label_variety { /* does the campaign have more than one of these? */
    bool vcpus;
    bool memory;
};
struct label_variety label_variety_of(const struct report *report);

/* "2", "2x1" with several numbers of vCPUs, "2x1 512MiB" with several sizes of memory; the caller's
 * to free. */
char *label_of_size(const struct label_variety *variety, const struct store_cell *cell);
/* What label_of_size() shows: "VMs", "VMs x vCPUs", ... */
const char *label_of_size_heading(const struct label_variety *variety);
/* "bzip2 on qemu-tcg, 2 VMs x 1 vCPU, 512MiB", the caller's to free, not escaped. */
char *label_of_cell(const struct store_cell *cell);
/* "2 qemu-tcg VMs", with vCPUs and memory where the campaign has several; as above. */
char *label_of_subject(const struct report *report, const struct store_cell *cell);
/* "complete", "ended early: budget", "not ended"; as above. */
char *label_of_end(const struct store_campaign *campaign);
/* NULL when there is none. */
const struct store_cell *label_find_cell(const struct report *report, int64_t cell_id);
const struct store_metric *label_find_metric(const struct report *report,
                                             const struct store_cell *cell, const char *name);
