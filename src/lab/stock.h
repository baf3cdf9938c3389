/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stock: what the lab keeps in the cache, one directory NAME-DIGEST each: the images of emulated
 * servers ("kvm", "xen", "virtualbox": disk.raw, kernel, initrd, Xen also boot-image) and the QEMU
 * that emulates them ("qemu": root/). Each has a manifest as guest images have (image/manifest.h),
 * comes in whole by one rename, and is used under a shared lock on that manifest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"
#include "image/manifest.h"

#include "lab/hypervisor.h"

#define STOCK_EMULATOR "qemu"
#define STOCK_GUEST_PREFIX "guest-" /* of the disks with the guest image (lab/job.h) */

struct stock {
    char *name;
    char *directory;
    char digest[DIGEST_TEXT_BYTES]; /* over recipe, packages and root file system */
    bool current;                   /* made by the recipe of this program */
    uint64_t disk_bytes;            /* that it takes; listed only */
    struct manifest manifest;
    int lock_fd; /* -1: listed only */
};

struct stock_options {
    const char *name;          /* of a hypervisor, or STOCK_EMULATOR */
    const char *mirror;        /* NULL: as for guest images */
    bool again;                /* build even when there is one */
    struct progress *progress; /* NULL: none */
};

/* *out_stock is NULL when there is none that the present recipe made. */
int stock_find(const char *name, struct stock **out_stock, struct error *err)
    __attribute__((warn_unused_result));
/* Finds or builds; older ones of the name that nobody uses make room. -EINTR and every error leave
 * the cache as it was. */
int stock_build(const struct stock_options *options, struct stock **out_stock, struct error *err)
    __attribute__((warn_unused_result));
struct stock *stock_free(struct stock *stock);
DEFINE_CLEANUP(struct stock *, stock_free);

/* The caller's to free. */
char *stock_path(const struct stock *stock, const char *file);

/* All of them by name, newest first. Release with stock_list_free(). */
int stock_list(struct stock **out_stocks, size_t *out_count, struct error *err)
    __attribute__((warn_unused_result));
void stock_list_free(struct stock *stocks, size_t count);

/* Removes all of a name; NULL: of every name. -EBUSY names one that is in use. */
int stock_remove(const char *name, size_t *out_count, struct error *err)
    __attribute__((warn_unused_result));

/* Removes those of the same name that nobody uses. Call it under the lock of the cache. */
void stock_remove_others(const struct stock *stock);

/* Removes all disks with guest images; a server that runs keeps the one that it has open. */
void stock_remove_guest_disks(const char *cache);
