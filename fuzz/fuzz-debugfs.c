/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as the tables that debugfs prints.
 */
#include "fuzz.h"

#include "lab/recording.h"

struct bounds {
    const char *start, *end;
};

static void visit(uint64_t number, const char *rest, size_t length, void *context)
{
    const struct bounds *bounds = context;
    (void)number;
    FUZZ_REQUIRE(rest >= bounds->start && rest + length <= bounds->end);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct bounds bounds = {(const char *)bytes, (const char *)bytes + length};
    recording_parse_table(bounds.start, length, visit, &bounds);
    return 0;
}
