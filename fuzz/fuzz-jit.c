/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU's monitor says of its translator, /proc/PID/maps, and the kernel's samples: any bytes.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "probe/jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(length ? bytes : (const uint8_t *)"", length ? length : 1);
    struct jit_statistics statistics;
    struct jit_range ranges[2] = {{0}};
    struct jit_samples samples = {0};
    char why[160];
    (void)!jit_parse_statistics(exact, length, &statistics);
    FUZZ_REQUIRE(*jit_explain_uncounted(exact, length, why, sizeof(why)));
    size_t count = jit_parse_maps(exact, length, ranges, 2);
    FUZZ_REQUIRE(count <= length / 16);
    for (size_t i = 0; i < 2 && i < count; i++)
        FUZZ_REQUIRE(ranges[i].start < ranges[i].end);
    FUZZ_REQUIRE(jit_add_samples(exact, length, ranges, count < 2 ? count : 2, &samples) <= length);
    FUZZ_REQUIRE(samples.generated + samples.qemu + samples.kernel <= length / 8);
    return 0;
}
