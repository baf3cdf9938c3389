/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What perf and the kernel's scheduler print: no more samples than lines, and of the loop no more
 * than all.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "study/moves.h"
#include "study/stock_perf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    uint64_t value;
    struct stock_perf_profile profile = stock_perf_parse_profile(exact, length, "vtax-guest");
    FUZZ_REQUIRE(profile.samples <= length && profile.loop <= profile.samples);
    FUZZ_REQUIRE(stock_perf_parse(exact, length, STOCK_PERF_EVENT, &value) <= 0);
    FUZZ_REQUIRE(moves_parse(exact, length, &value) <= 0);
    return 0;
}
