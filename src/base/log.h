/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * log: diagnostics on standard error, one line each, "vtax: ...". Results never go here.
 */
#pragma once

#include "base/error.h"

enum log_level { LOG_QUIET, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints "vtax: TEXT" at any level: for the one place that handles an error. */
void log_error(const struct error *err);
