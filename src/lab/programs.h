/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * programs: the emulated server's own scripts as bytes: `boot` is put into its images, `init` and
 * `job` onto the disk of each job.
 */
#pragma once

extern const unsigned char lab_boot[];
extern const unsigned char lab_boot_end[];
extern const unsigned char lab_init[];
extern const unsigned char lab_init_end[];
extern const unsigned char lab_job[];
extern const unsigned char lab_job_end[];
