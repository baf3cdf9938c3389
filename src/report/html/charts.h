/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * charts: the charts of metrics, boots and counts. Each function adds one and returns the id of its
 * element, or 0 where there is nothing to draw.
 */
#pragma once

#include "report/html/chart.h"

/* Rows of one metric. */
size_t charts_add_normalised(struct chart_list *list, const struct report *report,
                             const struct report_row *rows, size_t count);
size_t charts_add_scaling(struct chart_list *list, const struct report *report,
                          const struct report_row *rows, size_t count, bool consolidated);
size_t charts_add_boots(struct chart_list *list, const struct report *report);

/* All platforms side by side for each workload, at one number of VMs: performance relative to the
 * baseline. */
size_t charts_add_overview(struct chart_list *list, const struct report *report, unsigned vms);
/* The same of a count, on a logarithmic axis: count is the first of its name; the others are found
 * by it. */
size_t charts_add_count_overview(struct chart_list *list, const struct report *report,
                                 const struct report_count *count, unsigned vms);

/* How they scale: one line a platform over the number of VMs, of all campaigns. */
size_t charts_add_scaling_overview(struct chart_list *list, const struct report *report,
                                   const struct store_metric *metric);
size_t charts_add_instructions_overview(struct chart_list *list, const struct report *report,
                                        const char *workload);

/* The slowdown of each work on each design of counters; report->designs is not NULL. */
size_t charts_add_designs(struct chart_list *list, const struct report *report);

/* One count over the cells of its workload. */
size_t charts_add_count(struct chart_list *list, const struct report *report,
                        const struct report_count *count);
/* What it consists of in each cell, stacked: parts[0 .. part_count) are of one kind. */
size_t charts_add_parts(struct chart_list *list, const struct report *report,
                        const struct report_count *parts, size_t part_count);
