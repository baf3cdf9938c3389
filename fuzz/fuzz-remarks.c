/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as QEMU's log: what the plugin said is within it, and on one line.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "lab/remarks.h"

struct bounds {
    const char *start, *end;
};

static void visit(const char *text, size_t length, void *context)
{
    const struct bounds *bounds = context;
    FUZZ_REQUIRE(text > bounds->start && length && text + length <= bounds->end);
    FUZZ_REQUIRE(!memchr(text, '\n', length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    struct bounds bounds = {exact, exact + length};
    remarks_find(exact, length, visit, &bounds);
    return 0;
}
