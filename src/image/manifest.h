/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * manifest: what an image in the cache is, as a text file beside it. One fact a line:
 *
 *     vtax-image 1
 *     recipe DIGEST
 *     tarball DIGEST                 of the root file system, before keys were put in
 *     kernel-version VERSION
 *     created SECONDS                since 1970
 *     file NAME BYTES DIGEST         kernel, initrd, disk.raw; disk_digest()
 *     package NAME VERSION
 *
 * The image's identity is the digest over recipe, tarball and packages. Keys are new in every build
 * and so are no part of it; the digests of the files, which hold keys, only tell damage.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"

#define MANIFEST_BYTES_MAX ((size_t)1 << 20)

struct manifest_file {
    char *name;
    uint64_t bytes;
    char digest[DIGEST_TEXT_BYTES];
};

struct manifest_package {
    char *name;
    char *version;
};

struct manifest {
    char recipe[DIGEST_TEXT_BYTES];
    char tarball[DIGEST_TEXT_BYTES];
    char *kernel_version;
    uint64_t created_s;
    struct manifest_file *files;
    size_t file_count;
    size_t file_capacity;
    struct manifest_package *packages;
    size_t package_count;
    size_t package_capacity;
};

/* Fills *out_manifest, which the caller releases with manifest_done(). -EBADMSG names the line. */
int manifest_parse(const char *text, size_t length, struct manifest *out_manifest,
                   struct error *err) __attribute__((warn_unused_result));

/* The text form, the caller's to free. */
char *manifest_format(const struct manifest *manifest);

/* The image's identity. */
void manifest_identity(const struct manifest *manifest, char out_digest[DIGEST_TEXT_BYTES]);

/* NULL when there is none of this name. */
const char *manifest_find_package(const struct manifest *manifest, const char *name);

void manifest_add_file(struct manifest *manifest, const char *name, uint64_t bytes,
                       const char *digest);
void manifest_add_package(struct manifest *manifest, const char *name, size_t name_length,
                          const char *version, size_t version_length);

/* Adds the installed packages of a dpkg status file. */
void manifest_add_dpkg_status(struct manifest *manifest, const char *text);

void manifest_done(struct manifest *manifest);
#define CLEANUP_MANIFEST CLEANUP(manifest_done)
