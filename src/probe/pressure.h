/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pressure: how long tasks of a machine's cgroup stood still for want of CPU, memory or I/O
 * (Documentation/accounting/psi.rst). Parsers, pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "total" of the line that starts with kind ("some", "full"), in microseconds. 0 or -EBADMSG. */
int pressure_parse_total(const char *text, size_t length, const char *kind, uint64_t *out_us);

/* The path of the cgroup v2 in the text of /proc/PID/cgroup; NULL: none. The caller's to free. */
char *pressure_parse_cgroup(const char *text, size_t length);
