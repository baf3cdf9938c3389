/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * image: the root file system that runs natively and in every guest. Built by mmdebstrap from
 * Debian, kept in the cache under its digest, never written after it was built.
 *
 * In the cache (~/.cache/vtax/images/DIGEST-PREFIX):
 *
 *     kernel, initrd      for direct kernel boot, with the command line IMAGE_COMMAND_LINE
 *     disk.raw            ext4 without a partition table; its init is image/init/
 *     root/               the same files as a directory
 *     key, key.pub        what the machine lets in as root
 *     host_key, host_key.pub
 *     manifest            image/manifest.h
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"

#include "image/manifest.h"

/* panic=-1 with QEMU's -no-reboot ends a machine that panics. Without the kernel's tests of its own
 * cryptography an emulated machine boots in half the instructions, and without its search of 255
 * more PCI buses, two VM exits for each of 8,160 slots, in half the exits; nor does it ask the BIOS
 * for 16 disks. Mitigations stay at their defaults, since they are a part of what is measured. */
#define IMAGE_COMMAND_LINE_FOR(console, root)                                                      \
    "console=" console " root=" root " rw panic=-1 quiet cryptomgr.notests edd=off "               \
    "pci=lastbus=0"
#define IMAGE_COMMAND_LINE IMAGE_COMMAND_LINE_FOR("ttyS0", "/dev/vda")
#define IMAGE_READY_TEXT "vtax-ready" /* on the console, once the SSH server listens */

struct image {
    char *directory;          /* ~/.cache/vtax/images/NAME */
    char *digest;             /* SHA-256 that identifies what is in it, without keys */
    char *kernel;             /* for direct kernel boot; NULL for a user's own disk image */
    char *initrd;             /* NULL as above */
    char *disk;               /* the base disk: read-only, overlays go on top */
    const char *disk_format;  /* "raw" or "qcow2" */
    char *root;               /* the same files as a directory, for `native`; NULL: none */
    char *key;                /* private key that the machine lets in as root */
    char *host_key;           /* the machine's public host key line; NULL: not known */
    char *kernel_version;     /* NULL: not known */
    char *seed_key;           /* a user's own disk: host key for image_make_seed(); else NULL */
    struct manifest manifest; /* empty for a user's own disk image */
    int lock_fd;              /* held shared while the image is in use, so that none removes it */
};

/* Finds the built-in image in the cache; *out_image is NULL when it has not been built, or its
 * recipe has changed since, or a file is missing or has another size. */
int image_find(struct image **out_image, struct error *err) __attribute__((warn_unused_result));

struct image_build_options {
    const char *mirror; /* Debian mirror; NULL: the one that this host uses, else its default */
    bool again;         /* build even when there is one */
    struct progress *progress; /* NULL: none */
};

/* Finds it or builds it (needs a Debian mirror). Only one process builds at a time; another waits
 * for it. -EINTR and every error leave the cache as it was. */
int image_build(const struct image_build_options *options, struct image **out_image,
                struct error *err) __attribute__((warn_unused_result));

/* A user's own qcow2 or raw cloud image: checks the file, makes a new key in directory. root: root
 * file system for `native`, NULL for none. */
int image_open_file(const char *path, const char *root, const char *directory,
                    struct image **out_image, struct error *err)
    __attribute__((warn_unused_result));

/* A cloud-init seed (NoCloud) for one machine that boots a user's own disk: the key, the host key,
 * and the address that its MAC address (text) stands for. Written to path as an ISO 9660 image, to
 * be attached as a CD or a disk. */
int image_make_seed(const struct image *image, const char *mac, const char *hostname,
                    const char *path, struct error *err) __attribute__((warn_unused_result));

struct image *image_free(struct image *image);

/* One image of the cache, as listed. */
struct image_entry {
    char *directory;
    char digest[DIGEST_TEXT_BYTES];
    bool current;        /* made by the recipe of this program */
    uint64_t disk_bytes; /* what it takes on the disk */
    struct manifest manifest;
    struct error damage; /* code 0: none seen */
};

/* All images, newest first; verify: also reads every file and compares its digest. Release with
 * image_list_free(). */
int image_list(bool verify, struct image_entry **out_entries, size_t *out_count, struct error *err)
    __attribute__((warn_unused_result));
void image_list_free(struct image_entry *entries, size_t count);

/* Removes the image whose digest begins with prefix. -EBUSY while it is in use, -ENOENT, -EINVAL
 * when there are several. */
int image_remove(const char *prefix, struct error *err) __attribute__((warn_unused_result));
