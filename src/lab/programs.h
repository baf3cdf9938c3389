/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * programs: the emulated server's own scripts as bytes, to be put into its images.
 */
#pragma once

extern const unsigned char lab_init[];
extern const unsigned char lab_init_end[];
extern const unsigned char lab_job[];
extern const unsigned char lab_job_end[];
