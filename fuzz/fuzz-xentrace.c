/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A trace of Xen's, whole and in two pieces: the sums are the same, and no more than there are
 * records.
 */
#include "fuzz.h"

#include <string.h>

#include "probe/xentrace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE unsigned char *exact = mem_copy(bytes, length ? length : 1);
    CLEANUP_XENTRACE struct xentrace whole = {0};
    CLEANUP_XENTRACE struct xentrace pieces = {0};
    size_t used = xentrace_feed(&whole, exact, length);
    size_t first = xentrace_feed(&pieces, exact, length / 2);
    FUZZ_REQUIRE(used <= length && first <= length / 2);
    FUZZ_REQUIRE(first + xentrace_feed(&pieces, exact + first, length - first) == used);
    FUZZ_REQUIRE(whole.sum_count == pieces.sum_count && whole.lost == pieces.lost &&
                 whole.torn == pieces.torn);
    double mhz = xentrace_parse_mhz((const char *)exact, length);
    FUZZ_REQUIRE(!(mhz <= 0) && !(mhz >= 1e6));
    uint64_t count = 0;
    for (size_t i = 0; i < whole.sum_count; i++) {
        FUZZ_REQUIRE(whole.sums[i].count == pieces.sums[i].count &&
                     whole.sums[i].ticks == pieces.sums[i].ticks);
        count += whole.sums[i].count;
    }
    FUZZ_REQUIRE(count + whole.torn <= length / 4);
    return 0;
}
