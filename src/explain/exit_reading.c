/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/exit_reading.h"

#include <string.h>

bool exit_reading_parse(const struct store_figure *reading, const char *prefix,
                        struct exit_reading *out)
{
    size_t length = strlen(prefix);
    if (strncmp(reading->name, prefix, length) != 0)
        return false;
    const char *reason = reading->name + length, *colon = strchr(reason, ':');
    if (!colon || (size_t)(colon - reason) >= sizeof(out->reason))
        return false;
    memcpy(out->reason, reason, (size_t)(colon - reason));
    out->reason[colon - reason] = '\0';
    out->what = colon + 1;
    return true;
}
