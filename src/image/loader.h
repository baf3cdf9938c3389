/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * loader: the boot sector of boot_disk.h (loader.S) as bytes.
 */
#pragma once

extern const unsigned char loader[];
extern const unsigned char loader_end[];
