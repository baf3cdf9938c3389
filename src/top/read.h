/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * read: small files below a directory, into a buffer of the caller's; hot, so it allocates nothing.
 */
#pragma once

#include <dirent.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/file.h"

/* The length of what was read, NUL-terminated and cut to size - 1; negative errno. path is made
 * from format. */
ssize_t read_at(int directory_fd, char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* NULL with errno set. */
DIR *read_open_directory(int directory_fd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The next entry that is a positive number; 0 at the end. */
long read_next_number(DIR *directory);
