/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cache: where built images are kept. An image is a directory with a manifest; it comes in whole by
 * one rename, and is used under a shared lock on its manifest.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

#include "image/image.h"

#define CACHE_NAME_DIGITS 16 /* of the digest, that name an image's directory */

/* The cache's directory, made when it is not there; the caller's to free. */
int cache_open(char **out_path, struct error *err) __attribute__((warn_unused_result));

/* Takes the lock that building and removing need; waits, telling progress (NULL allowed) so.
 * Returns a descriptor, to be closed. */
int cache_lock(const char *cache, struct progress *progress, struct error *err)
    __attribute__((warn_unused_result));

/* Opens the image in a directory: manifest, lock, a look at every file. */
int cache_open_image(const char *directory, struct image **out_image, struct error *err)
    __attribute__((warn_unused_result));

/* Removes drafts of builds that were killed. Call under the lock. */
void cache_sweep(const char *cache);

#define CACHE_DRAFT_PREFIX ".draft-"
