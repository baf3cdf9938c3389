/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scratch: the disks of a machine, files on the host: raw scratch disks, and the copy-on-write
 * overlay on the image's disk.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Makes a fully allocated file of this size that starts with what source holds (NULL: nothing) and
 * is zero after that; written to the disk, and out of the page cache, so that no machine finds its
 * data warmer than another. */
int scratch_make(const char *path, uint64_t bytes, const char *source, struct error *err)
    __attribute__((warn_unused_result));

/* Can the file be opened with O_DIRECT? tmpfs has none. */
int scratch_check_direct(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Makes an empty qcow2 overlay on a disk of this format. */
int scratch_make_overlay(const char *path, const char *base, const char *base_format,
                         struct error *err) __attribute__((warn_unused_result));
