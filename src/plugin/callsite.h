/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * callsite: does the code before an address call? Then a word on a stack that holds the address can
 * be a return address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CALLSITE_BYTES = 7 }; /* of the longest call that is known */

/* bytes end where the return address points to; fewer than CALLSITE_BYTES are fine. *out_target is
 * what a direct call (E8) at that address calls, 0 for an indirect one (FF /2). */
bool callsite_find(const uint8_t *bytes, size_t length, uint64_t return_address,
                   uint64_t *out_target);
