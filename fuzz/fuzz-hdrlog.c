/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as an interval log; what was read must survive being written and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "stats/hdrlog.h"

static void check_round_trip(const struct hdr *hdr)
{
    CLEANUP_HDR struct hdr back = {0};
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    if (hdrlog_encode(hdr, &buf) < 0)
        return;
    FUZZ_REQUIRE(hdrlog_decode(buf.text, buf.length, &back) == 0);
    FUZZ_REQUIRE(back.count == hdr->count && back.min == hdr->min && back.max == hdr->max);
    FUZZ_REQUIRE(hdr_quantile(&back, 0.5) == hdr_quantile(hdr, 0.5));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct hdrlog_reader reader;
    hdrlog_reader_init(&reader, (const char *)bytes, length);
    struct hdrlog_interval interval;
    for (int r; (r = hdrlog_next(&reader, &interval)) != 0;) {
        if (r < 0)
            continue;
        check_round_trip(&interval.hdr);
        hdr_done(&interval.hdr);
    }
    return 0;
}
