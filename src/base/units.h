/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * units: text <-> quantities. Inside the program time is in nanoseconds and memory in bytes; these
 * are the only conversions. Parsers take the whole text (no trailing garbage, no sign, no NaN) and
 * return 0, -EINVAL (not such a quantity, or no unit) or -ERANGE (does not fit).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Decimal count, e.g. "42". */
int units_parse_count(const char *text, uint64_t *out_count);
/* Finite decimal number, e.g. "1.25", "-3". */
int units_parse_number(const char *text, double *out_number);
/* "512MiB", "1.5 GiB", "10MB", "4096B": the unit is required. Binary and decimal prefixes K M G T;
 * "512M" and "1G" mean MiB and GiB, as QEMU and libvirt read them. */
int units_parse_size(const char *text, uint64_t *out_bytes);
/* "90s", "1.5 h", "250ms", "10us", "5min", "2h30min": the unit is required. */
int units_parse_duration(const char *text, uint64_t *out_ns);
/* A share of one: "0.05" or "5%". In [0, 1]. */
int units_parse_share(const char *text, double *out_share);

#define UNITS_TEXT_MAX 32
/* Writes at most UNITS_TEXT_MAX bytes and returns text. The form parses back to the same value:
 * "1536MiB", "90s", "250ms"; format_size picks the largest binary prefix that divides. */
const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX]);
const char *units_format_duration(uint64_t ns, char text[UNITS_TEXT_MAX]);
/* For people, rounded: "3 min 20 s", "4.2 s", "310 ms". */
const char *units_format_elapsed(uint64_t ns, char text[UNITS_TEXT_MAX]);
