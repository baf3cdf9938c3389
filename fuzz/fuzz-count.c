/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the runner prints of counters: a line that parses is within the text and ends it.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "study/count_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    for (size_t at = 0; at < length;) {
        struct count_line line;
        ssize_t taken = count_line_parse(exact + at, length - at, &line);
        if (taken <= 0)
            break;
        FUZZ_REQUIRE((size_t)taken <= length - at && exact[at + (size_t)taken - 1] == '\n');
        at += (size_t)taken;
    }
    return 0;
}
