/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the runner prints of operations: a line that parses is formatted to the same line, and of a
 * whole text every operation has batches or a reason, with positive times.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "workload/ops_result.h"

static void check_line(const char *bytes, size_t length)
{
    struct ops_line line, again;
    char text[OPS_LINE_MAX + 1];
    ssize_t taken = ops_line_parse(bytes, length, &line);
    FUZZ_REQUIRE(taken <= (ssize_t)length && taken <= OPS_LINE_MAX);
    if (taken <= 0)
        return;
    FUZZ_REQUIRE(ops_line_format(&line, text) == (size_t)taken);
    FUZZ_REQUIRE(memcmp(text, bytes, (size_t)taken) == 0);
    FUZZ_REQUIRE(ops_line_parse(text, (size_t)taken, &again) == taken && again.kind == line.kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    CLEANUP_OPS_RESULT struct ops_result result = {0};
    struct error err;
    check_line(exact, length);
    if (ops_result_parse(exact, length, &result, &err) < 0)
        return 0;
    for (size_t i = 0; i < OPS_COUNT; i++) {
        const struct ops_figure *figure = &result.figures[i];
        FUZZ_REQUIRE(!figure->asked || (figure->n > 0) != (figure->absent[0] != 0));
        FUZZ_REQUIRE(figure->asked || figure->n == 0);
        FUZZ_REQUIRE(figure->n == 0 || (figure->values[0] > 0 && figure->median.estimate > 0));
    }
    return 0;
}
