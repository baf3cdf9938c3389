/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * file: descriptors closed by scope, and whole-file operations that are bounded and atomic.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"

void fd_cleanup(int *fd); /* closes when >= 0, and leaves -1 */
#define CLEANUP_FD CLEANUP(fd_cleanup)

#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int *take_fd_at = &(fd);                                                                   \
        int take_fd_value = *take_fd_at;                                                           \
        *take_fd_at = -1;                                                                          \
        take_fd_value;                                                                             \
    })

void stream_cleanup(FILE **stream);
#define CLEANUP_STREAM CLEANUP(stream_cleanup)
void directory_cleanup(DIR **directory);
#define CLEANUP_DIRECTORY CLEANUP(directory_cleanup)

/* Reads a whole file. The text is NUL-terminated (*out_length does not count the NUL) and the
 * caller's to free. -EFBIG when it has more than limit bytes. Works on /proc files. */
int file_read(const char *path, size_t limit, char **out_text, size_t *out_length,
              struct error *err) __attribute__((warn_unused_result));

/* Writes all bytes in spite of short writes and EINTR. 0 or negative errno. */
int fd_write_all(int fd, const void *bytes, size_t length) __attribute__((warn_unused_result));

/* Replaces path by a file with these bytes, all or nothing (temporary file, fsync, rename). */
int file_write_atomic(const char *path, const void *bytes, size_t length, unsigned mode,
                      struct error *err) __attribute__((warn_unused_result));

/* mkdir -p. An existing directory is fine. */
int file_make_directories(const char *path, unsigned mode, struct error *err)
    __attribute__((warn_unused_result));

/* Removes a tree, without following links or crossing into another file system. A path that is not
 * there is fine. */
int file_remove_tree(const char *path, struct error *err);

bool file_exists(const char *path);

/* What the files in a directory and below take on the disk, as du(1) counts; 0 when it is not
 * there. */
uint64_t file_tree_bytes(const char *path);
