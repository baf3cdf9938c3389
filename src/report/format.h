/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * format: the writers behind report_write(), one in each of text.c, html.c, json.c and csv.c.
 */
#pragma once

#include "report/report.h"

void format_text(const struct report *report, const struct report_style *style, FILE *stream);
void format_html(const struct report *report, const struct report_style *style, FILE *stream);
void format_json(const struct report *report, const struct report_style *style, FILE *stream);
void format_csv(const struct report *report, const struct report_style *style, FILE *stream);
