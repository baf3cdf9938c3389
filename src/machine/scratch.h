/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scratch: raw scratch disks, files on the host.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Makes a fully allocated file of this size that starts with what source holds (NULL: nothing) and
 * is zero after that; written to the disk, and out of the page cache, so that no machine finds its
 * data warmer than another. */
int scratch_make(const char *path, uint64_t bytes, const char *source, struct error *err)
    __attribute__((warn_unused_result));
