/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * causes-write: explanations for people and for programs.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "report/causes.h"

void causes_put_text(const struct report *report, const struct report_style *style, FILE *stream);
void causes_put_json(const struct report *report, FILE *stream);
/* An array, one object for each explanation. */
json_t *json_of_explanations(const struct report *report);
