/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * number: figures for people, with as many digits as their interval justifies.
 */
#pragma once

#include "report/report.h"

#define NUMBER_TEXT_MAX 96

/* "1.25 [1.20, 1.31]"; "1.25 (n=1)" where there is no interval; "-" where there is nothing. Large
 * and tiny values get a prefix: "12.3k". */
const char *number_format_value(const struct report_value *value, char text[NUMBER_TEXT_MAX]);
const char *number_format_interval(const struct interval *interval, char text[NUMBER_TEXT_MAX]);
/* A share of one as percent, "18 % [16, 20]"; the form without interval when state is not OK is the
 * caller's. */
const char *number_format_percent(const struct interval *interval, char text[NUMBER_TEXT_MAX]);
/* Three significant digits. */
const char *number_format_plain(double value, char text[NUMBER_TEXT_MAX]);
/* The same, but no decimals to a whole number. */
const char *number_format_count(double value, char text[NUMBER_TEXT_MAX]);
