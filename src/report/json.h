/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * json: building blocks of the JSON outputs. Numbers that are not finite become null.
 */
#pragma once

#include <jansson.h>

#include "report/report.h"

json_t *json_of_text(const char *text); /* repaired to valid UTF-8; NULL gives null */
json_t *json_of_number(double value);
json_t *json_of_count(uint64_t count); /* as text beyond 2^63-1, which JSON readers do not hold */
json_t *json_of_bounds(const struct interval *interval); /* [lo, hi], or null */
json_t *json_of_value(const struct report_value *value); /* {"n", "mean", "ci95"} */
json_t *json_of_facts(const struct store_fact *facts, size_t count);
json_t *json_of_designs(const struct report_designs *designs); /* NULL gives null */
json_t *json_of_shop(const struct report_shop *shop);          /* NULL gives null */
/* The whole report as documented in docs/report.schema.json. */
json_t *json_of_report(const struct report *report);
/* Writes and ends with a newline. */
void json_put(json_t *root, FILE *stream);

DEFINE_CLEANUP(json_t *, json_decref);
#define CLEANUP_JSON CLEANUP(json_decref_cleanup)
