/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "probe/counts.h"

/* The emulator cannot fault a page in, so the struct is written to before. */
bool counts_read(struct tally *out_tally)
{
    memset(out_tally, 0, sizeof(*out_tally));
    __asm__ volatile(TALLY_ASSEMBLER : : "D"(out_tally), "S"(sizeof(*out_tally)) : "memory");
    return out_tally->magic == TALLY_MAGIC;
}
