/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * recipe: what the built-in image is made of, compiled in. An image in the cache is used as long as
 * its recipe is this one.
 */
#pragma once

#include "base/digest.h"

#include "image/bootstrap.h"

#define RECIPE_SUITE "trixie"
#define RECIPE_VERSION "1" /* to be raised when a change in the code changes the image */
#define RECIPE_DISK_BYTES (UINT64_C(4) << 30)
/* All time stamps in the image, seconds since 1970. */
#define RECIPE_EPOCH "1735689600"

extern const char *const recipe_packages[];          /* NULL-terminated */
extern const char *const recipe_workload_packages[]; /* those that are measured; NULL-terminated */
extern const char *const recipe_modules[];      /* what the initrd loads, without what they need */
extern const char *const recipe_dpkg_options[]; /* NULL-terminated */

extern const struct bootstrap_recipe recipe_bootstrap;

/* SHA-256 over all of the above and the guest's init. */
void recipe_digest(char out_digest[DIGEST_TEXT_BYTES]);
