/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * console: the end of what a machine printed, and whether its kernel has died.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* The last lines (up to 4 KiB) of a file, without control characters but newlines, the caller's to
 * free; NULL when there is nothing. */
char *console_read_tail(const char *path);
/* Its last line that is not empty. */
char *console_read_last_line(const char *path);

/* The line that says that the kernel is lost (panic, oops, hard lockup), in text; NULL
 * when there is none. *out_length is that of the line. */
const char *console_find_death(const char *text, size_t *out_length);

/* Looks for a line that find() (as above) gives in what was added to the file since the last look
 * and a little before that. *position: how far was looked, 0 at first; the line that was found is
 * found again. Returns 1 with the line, the caller's to free; 0: there is none. */
int console_look(const char *path, off_t *position,
                 const char *(*find)(const char *text, size_t *out_length), char **out_line)
    __attribute__((warn_unused_result));

/* console_look() for the death of the kernel: negative with the line once there is one. */
int console_check(const char *path, off_t *position, struct error *err)
    __attribute__((warn_unused_result));
