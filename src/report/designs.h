/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * designs: the newest comparison of counter designs in the store (`vtax pmu compare`). It is no
 * part of a campaign, and is shown with each.
 */
#pragma once

#include "report/report.h"
#include "study/archive.h"
#include "study/contrast.h"

struct report_designs {
    struct archive archive;
    struct contrast contrast; /* of the archive's measures */
    char title[64];           /* "comparison 3, 2026-11-27 02:18 UTC" */
};

/* *out_designs: the caller's to designs_free(); NULL: the store has none. */
int designs_read(struct store *store, struct report_designs **out_designs, struct error *err)
    __attribute__((warn_unused_result));
struct report_designs *designs_free(struct report_designs *designs);
DEFINE_CLEANUP(struct report_designs *, designs_free);

/* For a store without campaigns: the comparison alone, as text, JSON or a page. As report_save();
 * format CSV is ERROR_USAGE. */
int designs_save(const struct report_designs *designs, enum report_format format, const char *path,
                 struct error *err) __attribute__((warn_unused_result));

/* What a metric is, as a report's numbers are. */
struct report_value designs_value(const struct contrast_cell *cell, enum contrast_metric metric);

/* The largest number of VMs at once. */
unsigned designs_most_vms(const struct report_designs *designs);
