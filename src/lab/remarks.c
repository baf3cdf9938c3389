/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/remarks.h"

#include <stdbool.h>
#include <string.h>

/* The line at `at`, without its newline. */
static size_t line_length(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return (size_t)((newline ? newline : end) - at);
}

static bool was_said(const char *log, const char *line, size_t length)
{
    for (const char *at = log; at < line;) {
        size_t other = line_length(at, line);
        if (other == length && memcmp(at, line, length) == 0)
            return true;
        at += other + 1;
    }
    return false;
}

void remarks_find(const char *log, size_t length,
                  void (*visit)(const char *text, size_t length, void *context), void *context)
{
    const size_t prefix = strlen(REMARKS_PREFIX);
    const char *end = log + length;
    for (const char *at = log; at < end;) {
        size_t bytes = line_length(at, end);
        if (bytes > prefix && memcmp(at, REMARKS_PREFIX, prefix) == 0 && !was_said(log, at, bytes))
            visit(at + prefix, bytes - prefix, context);
        at += bytes + 1;
    }
}
