/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/known_loop.h"

bool known_loop_run(void)
{
    uint64_t rounds = KNOWN_LOOP_ROUNDS;
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds) : : "cc");
    return true;
}
