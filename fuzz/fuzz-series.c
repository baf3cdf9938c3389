/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a table of numbers; what was read must survive being written and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "stats/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_SERIES struct series series = {0}, back = {0};
    if (series_parse((const char *)bytes, length, &series) < 0)
        return 0;
    CLEANUP_STRBUF struct strbuf first;
    CLEANUP_STRBUF struct strbuf second;
    strbuf_init(&first);
    strbuf_init(&second);
    series_format(&series, &first);
    FUZZ_REQUIRE(series_parse(first.text, first.length, &back) == 0);
    FUZZ_REQUIRE(back.rows == series.rows && back.columns == series.columns);
    series_format(&back, &second);
    FUZZ_REQUIRE(strcmp(first.text, second.text) == 0);
    return 0;
}
