/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/walk.h"

enum { PAGE_BITS = 12, INDEX_BITS = 9, LEVEL_GIANT = 3 };
#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_LARGE (UINT64_C(1) << 7)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

static bool load_entry(const struct walk *walk, uint64_t address, uint64_t *out_entry)
{
    uint64_t physical = address;
    if (walk->nested && !walk_translate(walk->nested, address, &physical))
        return false;
    return walk->load(walk->context, physical, out_entry, sizeof(*out_entry));
}

static bool is_last(unsigned level, uint64_t entry)
{
    return level == 1 || (level <= LEVEL_GIANT && (entry & ENTRY_LARGE));
}

bool walk_translate(const struct walk *walk, uint64_t address, uint64_t *out_physical)
{
    uint64_t table = walk->root & ENTRY_ADDRESS, entry;
    unsigned level = walk->levels;
    for (;; level--) {
        unsigned shift = PAGE_BITS + INDEX_BITS * (level - 1);
        uint64_t index = address >> shift & ((1u << INDEX_BITS) - 1);
        if (!load_entry(walk, table + 8 * index, &entry) || !(entry & ENTRY_PRESENT))
            return false;
        if (is_last(level, entry)) {
            uint64_t inside = (UINT64_C(1) << shift) - 1;
            uint64_t found = (entry & ENTRY_ADDRESS & ~inside) | (address & inside);
            if (walk->nested)
                return walk_translate(walk->nested, found, out_physical);
            *out_physical = found;
            return true;
        }
        table = entry & ENTRY_ADDRESS;
    }
}
