/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A page of trace records, with a layout of the usual kind or one from a text: the first byte
 * chooses. No record reaches outside, they are not more than there is room for, and the sums of
 * exits hold whatever they tell.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "probe/exits_record.h"
#include "probe/trace_page.h"

static pid_t process_of(pid_t thread, void *context)
{
    (void)context;
    return thread;
}

static void check_sum(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    uint64_t in_buckets = 0;
    (void)key;
    for (size_t i = 0; i < EXITS_BUCKETS; i++)
        in_buckets += sum->buckets[i];
    FUZZ_REQUIRE(in_buckets == sum->count);
    *(uint64_t *)context += sum->count;
}

static void check_page(const struct trace_layout *layout, const uint8_t *bytes, size_t length)
{
    static const struct exits_places places = {.ids = {103, 104, 105, 300, 301, 110},
                                               .thread_at = 4,
                                               .reason_at = 8,
                                               .isa_at = 12,
                                               .info_at = 16,
                                               .msr_at = 8,
                                               .previous_at = 8,
                                               .next_at = 12};
    struct trace_page page;
    struct trace_record record;
    size_t used = 0;
    uint64_t leaves = 0, counted = 0;
    if (trace_page_open(layout, bytes, length, &page) < 0)
        return;
    struct exits_account *account = exits_account_new(process_of, NULL);
    while (trace_page_next(&page, &record)) {
        struct exits_event event;
        FUZZ_REQUIRE(record.bytes >= bytes && record.bytes + record.length <= bytes + length);
        used += 4 + record.length;
        if (exits_record_parse(&places, &record, &event) <= 0)
            continue;
        leaves += event.kind == EXITS_LEAVE;
        exits_account_take(account, &event);
    }
    FUZZ_REQUIRE(used <= length);
    exits_account_each(account, 0, check_sum, &counted);
    FUZZ_REQUIRE(counted <= leaves);
    exits_account_free(account);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct trace_layout layout = {
        .time_at = 0, .commit_at = 8, .data_at = 16, .page_bytes = TRACE_PAGE_MAX};
    if (length < 2)
        return 0;
    CLEANUP_FREE uint8_t *exact = mem_copy(bytes + 1, length - 1);
    const char *text = (const char *)exact;
    if (bytes[0] == 'h')
        FUZZ_REQUIRE(trace_layout_parse(text, length - 1, &layout) < 0 ||
                     layout.data_at < layout.page_bytes);
    if (bytes[0] == 's')
        (void)trace_parse_lost(text, length - 1);
    check_page(&layout, exact, length - 1);
    return 0;
}
