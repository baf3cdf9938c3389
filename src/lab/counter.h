/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counter: the plugins of the lab's QEMU: one that counts instructions, world switches and VM
 * exits, always, and one that gives the server's CPUs performance counters (lab/counters.h).
 */
#pragma once

#include "base/error.h"

#define COUNTER_FILE "vtax-count.so"
#define COUNTER_PMU_FILE "vtax-pmu.so"

/* Where a plugin is: beside the program that runs, as it was built or installed. The caller's to
 * free; an error names the places. */
int counter_find(const char *file, char **out_path, struct error *err)
    __attribute__((warn_unused_result));
