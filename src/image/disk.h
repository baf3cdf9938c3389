/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * disk: an ext4 file system from a directory, the same bytes for the same files. mke2fs copies the
 * tree; then debugfs sets in every inode what the tree cannot give: the times of access and change,
 * and the owners, since an ordinary user cannot unpack files that belong to others.
 */
#pragma once

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

struct disk_options {
    const char *tree;  /* directory with the files */
    const char *owned; /* what `tar --list --verbose --numeric-owner` says of them */
    const char *path;  /* file to be written */
    uint64_t bytes;    /* its size; 0: RECIPE_DISK_BYTES */
    uint32_t inodes;   /* 0: enough for the guest image */
};

int disk_make(const struct disk_options *options, struct error *err)
    __attribute__((warn_unused_result));

/* SHA-256 over a file's length and every block that is not zero, with where it lies: as good as one
 * over all bytes, and fast for a file that is mostly holes. */
int disk_digest(const char *path, char out_digest[DIGEST_TEXT_BYTES], struct error *err)
    __attribute__((warn_unused_result));

/* The debugfs commands that give every file in a tar listing that is not root's its owner; the
 * caller's to free. Lines and names that are not understood are left out. */
char *disk_format_owners(const char *listing);
