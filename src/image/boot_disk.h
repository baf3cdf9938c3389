/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * boot_disk: a disk with GRUB, kernel and initrd, for a hypervisor whose BIOS boots disks but no
 * kernels. GRUB is put together by grub-mkimage; nothing is installed or mounted.
 *
 * Sector 0 holds GRUB's boot.img, sectors 1.. its core; kernel and initrd follow where the core's
 * built-in commands look for them, without a file system or a partition table.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct boot_disk_options {
    const char *kernel; /* bzImage */
    const char *initrd;
    const char *command_line; /* without quotes and dollar signs */
    const char *path;         /* raw image to be written */
    /* Spare the kernel the search for an iSCSI boot table, which reads addresses with nothing
     * behind them: 20,000 VM exits where the hypervisor emulates each. */
    bool ends_table_search;
};

/* Are GRUB's parts there? Negative with the remedy. */
int boot_disk_probe(struct error *err) __attribute__((warn_unused_result));
int boot_disk_make(const struct boot_disk_options *options, struct error *err)
    __attribute__((warn_unused_result));

/* GRUB's commands; kernel and initrd at these sectors and as many long. The caller's to free. */
char *boot_disk_format_commands(const struct boot_disk_options *options, const unsigned kernel[2],
                                const unsigned initrd[2]);
