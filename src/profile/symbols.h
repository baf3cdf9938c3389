/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * symbols: the functions of a kernel or a file by address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct symbol {
    uint64_t start, end;
    char *name; /* printable ASCII without ';' */
    bool is_global;
};

struct symbols;

struct symbols *symbols_new(void);

/* size 0: unknown, it goes on to the next one (at most SYMBOLS_REACH_BYTES). */
enum { SYMBOLS_REACH_BYTES = 1 << 17 };
void symbols_add(struct symbols *symbols, uint64_t start, uint64_t size, const char *name,
                 size_t length, bool is_global);
/* After the last one was added; of several at one address a global one stays. */
void symbols_sort(struct symbols *symbols);

size_t symbols_count(const struct symbols *symbols);

/* The function that this address is in; NULL: none. */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t address);
/* The first one with this name; NULL: none. */
const struct symbol *symbols_find_name(const struct symbols *symbols, const char *name);

struct symbols *symbols_free(struct symbols *symbols);

/* Reads what Linux shows as /proc/kallsyms, which a System.map equals in form: functions only,
 * those of modules with "[module]" behind the name. Lines that are none are passed over; -ENOENT
 * when there is no function, or when all addresses are hidden (0). */
int symbols_parse_kallsyms(const void *bytes, size_t length, struct symbols **out_symbols,
                           struct error *err) __attribute__((warn_unused_result));

/* A copy in which everything but printable ASCII, and ';', is '?' or ':'; the caller's to free. */
char *symbols_clean_name(const char *name, size_t length);
