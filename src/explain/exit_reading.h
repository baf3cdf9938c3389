/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exit_reading: readings that tell one thing of the exits of one reason: "PREFIXREASON:WHAT". Pure.
 */
#pragma once

#include <stdbool.h>

#include "store/store.h"

struct exit_reading {
    char reason[48];
    const char *what; /* "count", "kernel_ns", "user_instructions", ... */
};

/* prefix: "exits:", "emulator:". False: it is no such reading. */
bool exit_reading_parse(const struct store_figure *reading, const char *prefix,
                        struct exit_reading *out);
