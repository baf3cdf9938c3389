/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * parameters: what the guest's init takes from the kernel's command line.
 *
 *     root=/dev/vda        the device that holds the ext4 root file system
 *     init=/sbin/...       what the initrd goes over to
 *     vtax.hostname=NAME   default: vtax
 */
#pragma once

#define PARAMETER_MAX 128

struct boot_parameters {
    char root[PARAMETER_MAX];
    char init[PARAMETER_MAX];
    char hostname[PARAMETER_MAX];
};

/* Reads a command line (NUL-terminated, words parted by blanks or a newline). Words that are not
 * known, and values that are empty or too long, leave the default; the last of several counts. */
void boot_parameters_parse(const char *command_line, struct boot_parameters *out_parameters);
