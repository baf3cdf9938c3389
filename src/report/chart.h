/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chart: which charts an HTML report has, and their data. A chart is a specification below
 * data/charts/ with values and signals put in by data/report/report.js.
 */
#pragma once

#include <jansson.h>

#include "report/report.h"

struct chart_list {
    json_t *charts; /* array; each names its element, specification, data and signals */
    size_t count;
};

/* Rows of one metric. Each adds a chart and returns the id of its element, or 0 where there is
 * nothing to draw. Ids count from 1. */
size_t chart_add_normalised(struct chart_list *list, const struct report *report,
                            const struct report_row *rows, size_t count);
size_t chart_add_scaling(struct chart_list *list, const struct report *report,
                         const struct report_row *rows, size_t count, bool consolidated);
size_t chart_add_boots(struct chart_list *list, const struct report *report);

/* {"series": [...], "charts": [...]}, taken over by the caller. */
json_t *chart_take_data(struct chart_list *list, const struct report *report);

/* "kvm", with vCPUs and memory where the campaign has several; the caller's to free. */
char *chart_series_label(const struct report *report, const struct store_cell *cell);
