/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * disk_io: what a cgroup (version 2) asked of each block device of the host, from its io.stat.
 * Parser, pure, and readers below roots that tests can make.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct disk_io {
    unsigned major, minor;
    uint64_t read_bytes, reads;
    uint64_t write_bytes, writes;
};

/* Calls found() for each device; passes over what it does not know. */
void disk_io_parse(const char *text, size_t length,
                   void (*found)(const struct disk_io *io, void *context), void *context);

struct disk_io_roots {
    const char *proc;   /* "/proc" */
    const char *cgroup; /* "/sys/fs/cgroup" */
    const char *block;  /* "/sys/dev/block" */
};
extern const struct disk_io_roots disk_io_roots;

/* The same for the cgroup that the process is in, if nobody else is in it: pids[count] are the
 * machine's. Negative with the reason why there is none. */
int disk_io_read(const struct disk_io_roots *roots, const pid_t *pids, size_t count,
                 void (*found)(const struct disk_io *io, void *context), void *context,
                 struct error *err) __attribute__((warn_unused_result));

/* "sda"; "8-0" where the host has no such name. The caller's to free. */
char *disk_io_name(const struct disk_io_roots *roots, const struct disk_io *io);
