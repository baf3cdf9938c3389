/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * remarks: what the counters' plugin said while the machine ran, in QEMU's log: events that are
 * not counted, CPUs that are not. Pure.
 */
#pragma once

#include <stddef.h>

#define REMARKS_PREFIX "vtax-pmu: "

/* Calls visit for each line of the log (length bytes, any content) that is the plugin's, without
 * its prefix and newline, and once when it says the same again. Every CPU speaks for itself. */
void remarks_find(const char *log, size_t length,
                  void (*visit)(const char *text, size_t length, void *context), void *context);
