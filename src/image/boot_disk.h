/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * boot_disk: a disk with kernel and initrd, for a hypervisor whose BIOS boots disks but no kernels.
 * Its boot sector (loader.S) takes both to their places and enters the kernel; there is no file
 * system, no partition table and no other boot loader, which would copy all of it byte by byte once
 * more: minutes in a guest of an emulated server.
 *
 * Sector 0 holds the loader, 1..116 the kernel's real-mode part with its command line, the rest of
 * the kernel and the initrd follow.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define BOOT_DISK_SECTOR 512
#define BOOT_DISK_SETUP_SECTORS 116 /* as loader.S has it */
#define BOOT_DISK_HEAD_BYTES ((1 + BOOT_DISK_SETUP_SECTORS) * BOOT_DISK_SECTOR)

struct boot_disk_options {
    const char *kernel; /* bzImage */
    const char *initrd;
    const char *command_line;
    const char *path; /* raw image to be written */
};

int boot_disk_make(const struct boot_disk_options *options, struct error *err)
    __attribute__((warn_unused_result));

/* The first sectors of the disk for a bzImage and an initrd of initrd_length bytes. Returns where
 * in the bzImage the part begins that comes next on the disk; the initrd follows at the next whole
 * sector. -EBADMSG: it is no bzImage of boot protocol 2.10 or later that is loaded high; -E2BIG:
 * the command line is longer than 2 KiB. */
ssize_t boot_disk_make_head(const unsigned char *kernel, size_t length, size_t initrd_length,
                            const char *command_line, unsigned char out_head[BOOT_DISK_HEAD_BYTES])
    __attribute__((warn_unused_result));
