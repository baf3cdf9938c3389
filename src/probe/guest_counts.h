/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guest_counts: what a guest's own, unmodified kernel counts (proc(5)). Parser, pure; the probe
 * `guest` fetches the text through the control channel before and after what is measured.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Several files in one text, each after the line "==> PATH <==", as `tail -v -n +1` prints them:
 * /proc/stat, interrupts, schedstat, vmstat, diskstats, net/dev. Calls found() for each counter,
 * "cpu_user_ns", "irq_LOC", "disk_vda_read_bytes". Lines that it does not know are passed over. */
void guest_counts_parse(const char *text, size_t length,
                        void (*found)(const char *name, uint64_t value, void *context),
                        void *context);
