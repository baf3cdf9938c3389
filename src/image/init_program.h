/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * init_program: the guest's init (image/init/) as bytes, to be put into images.
 */
#pragma once

extern const unsigned char init_program[];
extern const unsigned char init_program_end[];
