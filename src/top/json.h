/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * json: what is shown, for programs: one object, on one line.
 */
#pragma once

#include "top/model.h"

/* The line without its end, the caller's to free. realtime_ns: of the reading. */
char *json_format(const struct top *top, const struct snapshot *snapshot, uint64_t realtime_ns);
