/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * image: the root file system that runs natively and in every guest. Built by mmdebstrap from
 * Debian, kept in the cache under its digest, never written after it was built.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"

struct image {
    char *directory;         /* ~/.cache/vtax/images/NAME */
    char *digest;            /* SHA-256 that identifies what is in it */
    char *kernel;            /* for direct kernel boot; NULL for a user's own disk image */
    char *initrd;            /* NULL as above */
    char *disk;              /* the base disk: read-only, overlays go on top */
    const char *disk_format; /* "raw" or "qcow2" */
    char *root;              /* the same files as a directory, for `native`; NULL: none */
    char *key;               /* private key that the machine lets in as root */
    char *host_key;          /* the machine's public host key line; NULL: not known */
    char *seed;              /* cloud-init seed image for a user's own disk; NULL: none */
    char *kernel_version;
};

/* Finds the built-in image in the cache; *out_image is NULL when it has not been built (or its
 * recipe has changed since). */
int image_find(struct image **out_image, struct error *err) __attribute__((warn_unused_result));

/* Finds it or builds it (needs a Debian mirror). */
int image_build(struct progress *progress, struct image **out_image, struct error *err)
    __attribute__((warn_unused_result));

/* A user's own qcow2 or raw cloud image: checks the file, makes a cloud-init seed with a new key in
 * directory. root: root file system for `native`, NULL for none. */
int image_open_file(const char *path, const char *root, const char *directory,
                    struct image **out_image, struct error *err)
    __attribute__((warn_unused_result));

struct image *image_free(struct image *image);
