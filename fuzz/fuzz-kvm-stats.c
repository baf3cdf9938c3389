/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * KVM's binary statistics: every name and value that is told lies in the text.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "machine/kvm_stats.h"

static void take(const char *name, uint64_t value, void *context)
{
    size_t *count = context;
    (void)value;
    FUZZ_REQUIRE(strlen(name) <= 256);
    ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE uint8_t *exact =
        mem_copy(length ? bytes : (const uint8_t *)"", length ? length : 1);
    size_t count = 0;
    if (kvm_stats_parse(exact, length, take, &count) == 0)
        FUZZ_REQUIRE(count <= length);
    return 0;
}
