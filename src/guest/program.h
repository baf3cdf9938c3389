/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * program: the guest-side runner (guest/runner/) as bytes, to be put into machines.
 */
#pragma once

extern const unsigned char guest_program[];
extern const unsigned char guest_program_end[];
