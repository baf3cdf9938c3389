/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as /proc/kallsyms; every function is found at its own start, or one that begins there
 * too.
 */
#include "fuzz.h"

#include "profile/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct symbols *symbols;
    if (symbols_parse_kallsyms(bytes, length, &symbols, NULL) < 0)
        return 0;
    FUZZ_REQUIRE(symbols_count(symbols) > 0);
    const struct symbol *entry = symbols_find_name(symbols, "entry_SYSCALL_64");
    if (entry)
        FUZZ_REQUIRE(symbols_find(symbols, entry->start) == entry);
    symbols_free(symbols);
    return 0;
}
