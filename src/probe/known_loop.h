/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * known_loop: a loop of which the number of instructions is known to the last one. What there is
 * for the architecture is in known_loop-x86.c or known_loop-none.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KNOWN_LOOP_ROUNDS UINT64_C(20000000)
#define KNOWN_LOOP_INSTRUCTIONS 2 /* of one round */
#define KNOWN_LOOP_BRANCHES 1

/* False: there is none for this architecture, and nothing was run. */
bool known_loop_run(void);
