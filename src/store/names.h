/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * names: each different text once. A million samples share a handful of metric names.
 */
#pragma once

#include <stddef.h>

struct names {
    char **slots; /* open addressing; NULL: free */
    size_t capacity;
    size_t count;
};

/* A text equal to `text` that lives until names_done(). NULL gives NULL. */
const char *names_keep(struct names *names, const char *text);
void names_done(struct names *names);
