/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/event_library.h"

#include <errno.h>

int event_library_encode(const char *name, struct perf_event_attr *attributes, struct error *err)
{
    (void)attributes;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "event '%s': this vtax was built without libpfm4 (give it raw, as r1c2)",
                     name);
}
