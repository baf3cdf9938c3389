/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * event_library: names of events by libpfm4. event_library-none.c stands for it where its header
 * was not there at build time.
 */
#pragma once

#include <linux/perf_event.h>

#include "base/error.h"

/* As event_name_encode(). */
int event_library_encode(const char *name, struct perf_event_attr *attributes, struct error *err)
    __attribute__((warn_unused_result));
