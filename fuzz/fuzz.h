/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz: what a target defines. It takes any bytes, and only a sanitizer, an assertion or
 * FUZZ_REQUIRE may end it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What must hold whatever the input was. */
#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)
