/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * report-profile: what `vtax report --profile` shows.
 */
#pragma once

#include "base/error.h"

/* format: one of "text", "html", "folded", "json" or "speedscope"; output NULL: standard output. */
int report_profile(const char *directory, const char *format, const char *output, struct error *err)
    __attribute__((warn_unused_result));
