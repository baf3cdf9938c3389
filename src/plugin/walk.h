/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * walk: page tables of x86-64, read from outside (APM vol. 2, 5.3 and 15.25): four or five levels,
 * pages of 4 KiB, 2 MiB and 1 GiB; for a guest its own tables, every address of which goes through
 * the nested ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WALK_PAGE_BYTES = 4096, WALK_LEVELS = 4, WALK_LEVELS_LA57 = 5 };

struct walk {
    /* Reads the machine's physical memory; false: there is none. */
    bool (*load)(void *context, uint64_t address, void *to, size_t bytes);
    void *context;
    uint64_t root; /* CR3 or nCR3; the bits that are no address do not matter */
    unsigned levels;
    const struct walk *nested; /* through which this one's addresses go; NULL: they are physical */
};

/* False: not mapped. *out_physical is an address of the machine. */
bool walk_translate(const struct walk *walk, uint64_t address, uint64_t *out_physical)
    __attribute__((warn_unused_result));
