/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pages of the kernel's trace ring buffer, made by hand, and records of exits in them.
 */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "probe/exit_reason.h"
#include "probe/exits_record.h"
#include "probe/trace_page.h"

#define START UINT64_C(5000000000)
#define LOST UINT64_C(0x80000000)
#define TEXT(text) text, strlen(text)

static const char header_text[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
                                  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
                                  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
                                  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";

static const struct trace_layout layout = {
    .time_at = 0, .commit_at = 8, .data_at = 16, .page_bytes = 4096};

/* A page that is being made. */
struct making {
    uint32_t words[1024];
    size_t count;
};

static void add_word(struct making *page, uint32_t word)
{
    page->words[page->count++] = word;
}

static void add_entry(struct making *page, unsigned type, uint32_t delta_ns)
{
    add_word(page, type | delta_ns << 5);
}

static struct making begin_page(void)
{
    struct making page = {.words = {(uint32_t)START, (uint32_t)(START >> 32)}, .count = 4};
    return page;
}

static int open_page(struct making *making, uint64_t flags, struct trace_page *page)
{
    uint64_t commit = (making->count - 4) * 4 | flags;
    memcpy(&making->words[2], &commit, sizeof(commit));
    return trace_page_open(&layout, making->words, sizeof(making->words), page);
}

static void assert_record(struct trace_page *page, uint64_t time_ns, size_t length, uint32_t word)
{
    struct trace_record record;
    uint32_t first = 0;
    assert_true(trace_page_next(page, &record));
    assert_int_equal(record.time_ns, time_ns);
    assert_int_equal(record.length, length);
    if (length)
        memcpy(&first, record.bytes, sizeof(first));
    assert_int_equal(first, word);
}

static void assert_end(struct trace_page *page, bool is_torn)
{
    struct trace_record record;
    assert_false(trace_page_next(page, &record));
    assert_int_equal(page->is_torn, is_torn);
    assert_false(trace_page_next(page, &record));
}

static void test_layout(void **state)
{
    (void)state;
    struct trace_layout found = {0};
    assert_int_equal(trace_layout_parse(TEXT(header_text), &found), 0);
    assert_memory_equal(&found, &layout, sizeof(found));
    assert_int_equal(trace_layout_parse(header_text, 60, &found), -EBADMSG);
    assert_int_equal(trace_layout_parse(TEXT("field: char data; offset:16; size:4080;"), &found),
                     -EBADMSG);
    CLEANUP_FREE char *wrong = mem_strdup(header_text);
    strstr(wrong, "offset:16")[7] = '0'; /* data over the header */
    assert_int_equal(trace_layout_parse(TEXT(wrong), &found), -EBADMSG);
}

static void test_records(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    add_entry(&making, 2, 100);
    add_word(&making, 11);
    add_word(&making, 0);
    add_entry(&making, 0, 7); /* the length is a word of its own, which counts */
    add_word(&making, 4 + 8);
    add_word(&making, 22);
    add_word(&making, 0);
    add_entry(&making, 1, 0);
    add_word(&making, 33);
    assert_int_equal(open_page(&making, 0, &page), 0);
    assert_false(page.has_lost);
    assert_record(&page, START + 100, 8, 11);
    assert_record(&page, START + 107, 8, 22);
    assert_record(&page, START + 107, 4, 33);
    assert_end(&page, false);
}

static void test_times(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    add_entry(&making, 30, 5); /* 2^27 ns and more */
    add_word(&making, 3);
    add_entry(&making, 1, 10);
    add_word(&making, 1);
    add_entry(&making, 31, 9); /* an absolute one */
    add_word(&making, 1000);
    add_entry(&making, 1, 1);
    add_word(&making, 2);
    assert_int_equal(open_page(&making, 0, &page), 0);
    uint64_t extended = START + (UINT64_C(3) << 27) + 5;
    assert_record(&page, extended + 10, 4, 1);
    assert_record(&page, (UINT64_C(1000) << 27) + 9 + 1, 4, 2);
    assert_end(&page, false);
}

static void test_padding(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    add_entry(&making, 29, 40); /* taken back: its time has passed all the same */
    add_word(&making, 4 + 4);
    add_word(&making, 99);
    add_entry(&making, 1, 2);
    add_word(&making, 1);
    add_entry(&making, 29, 0); /* the rest of the page */
    add_word(&making, 0xffffffff);
    assert_int_equal(open_page(&making, 0, &page), 0);
    assert_record(&page, START + 42, 4, 1);
    assert_end(&page, false);
}

static void test_lost_records_are_flagged(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    add_entry(&making, 1, 1);
    add_word(&making, 1);
    /* The kernel's number is 32 bits with a sign, or not. */
    assert_int_equal(open_page(&making, LOST | UINT64_C(0xffffffff00000000), &page), 0);
    assert_true(page.has_lost);
    assert_record(&page, START + 1, 4, 1);
    assert_end(&page, false);
    assert_int_equal(open_page(&making, LOST | LOST >> 1, &page), 0);
    assert_true(page.has_lost);
    assert_record(&page, START + 1, 4, 1);
    assert_end(&page, false);
}

static void assert_torn(const uint32_t *words, size_t count)
{
    struct making making = begin_page();
    struct trace_page page;
    for (size_t i = 0; i < count; i++)
        add_word(&making, words[i]);
    assert_int_equal(open_page(&making, 0, &page), 0);
    assert_end(&page, true);
}

static void test_torn(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    assert_torn((const uint32_t[]){5, 0}, 2); /* 20 bytes, of which 4 are there */
    assert_torn((const uint32_t[]){0}, 1);    /* no length */
    assert_torn((const uint32_t[]){0, 3}, 2); /* one that does not count itself */
    assert_torn((const uint32_t[]){0, UINT32_MAX}, 2);
    assert_torn((const uint32_t[]){30}, 1); /* half a time */
    assert_torn((const uint32_t[]){29 | 1 << 5, 400, 0}, 3);
    assert_int_equal(open_page(&making, 0, &page), 0);
    assert_end(&page, false); /* nothing at all is whole */
    making.words[2] = 4081;
    assert_int_equal(trace_page_open(&layout, making.words, 4096, &page), -EBADMSG);
    making.words[2] = 100;
    assert_int_equal(trace_page_open(&layout, making.words, 64, &page), -EBADMSG);
    assert_int_equal(trace_page_open(&layout, making.words, 15, &page), -EBADMSG);
}

/* The last record ends with the page. */
static void test_full_page(void **state)
{
    (void)state;
    struct making making = begin_page();
    struct trace_page page;
    for (uint32_t i = 0; i < 4080 / 8; i++) {
        add_entry(&making, 1, 1);
        add_word(&making, i);
    }
    assert_int_equal(open_page(&making, 0, &page), 0);
    for (uint32_t i = 0; i < 4080 / 8; i++)
        assert_record(&page, START + i + 1, 4, i);
    assert_end(&page, false);
}

static void test_lost_in_stats(void **state)
{
    (void)state;
    static const char text[] = "entries: 911\noverrun: 213540\ncommit overrun: 3\nbytes: 61948\n"
                               "oldest event ts: 81147.654464\nnow ts: 81147.749270\n"
                               "dropped events: 20\nread events: 120\n";
    assert_int_equal(trace_parse_lost(TEXT(text)), 213563);
    assert_int_equal(trace_parse_lost(text, 30), 213540);
    assert_int_equal(trace_parse_lost(text, 20), 0);
    assert_int_equal(trace_parse_lost(TEXT("")), 0);
}

#define COMMON                                                                                     \
    "format:\n"                                                                                    \
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                         \
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                         \
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static const char *const formats[EXITS_RECORDS] = {
    [EXITS_LEAVE] = "name: kvm_exit\nID: 103\n" COMMON
                    "\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;\n"
                    "\tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;\n"
                    "\tfield:u32 isa;\toffset:24;\tsize:4;\tsigned:0;\n"
                    "\tfield:u64 info1;\toffset:32;\tsize:8;\tsigned:0;\n",
    [EXITS_USER] = "name: kvm_userspace_exit\nID: 104\n" COMMON,
    [EXITS_ENTER] = "name: kvm_entry\nID: 105\n" COMMON,
    [EXITS_SWITCH] = "name: sched_switch\nID: 300\n" COMMON
                     "\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
                     "\tfield:pid_t next_pid;\toffset:56;\tsize:4;\tsigned:1;\n",
    [EXITS_END] = "name: sched_process_exit\nID: 301\n" COMMON,
    [EXITS_MSR] =
        "name: kvm_msr\nID: 110\n" COMMON "\tfield:u32 write;\toffset:8;\tsize:4;\tsigned:0;\n"
        "\tfield:u32 ecx;\toffset:12;\tsize:4;\tsigned:0;\n",
};

static struct exits_places find_places(void)
{
    static const struct exits_points points = {
        .reason = "exit_reason", .isa = "isa", .info = "info1"};
    struct exits_places places = {0};
    for (int i = 0; i < EXITS_RECORDS; i++)
        assert_int_equal(exits_places_add(&places, (enum exits_event_kind)i, "x/y", &points,
                                          TEXT(formats[i]), NULL),
                         0);
    return places;
}

static void test_records_of_exits(void **state)
{
    (void)state;
    const struct exits_places places = find_places();
    uint32_t words[16] = {103, 4242, 0x7b, 0, 0, 0, EXIT_ISA_AMD, 0, 13};
    struct trace_record record = {.time_ns = 5, .bytes = (unsigned char *)words, .length = 36};
    struct exits_event event = {0};
    assert_int_equal(exits_record_parse(&places, &record, &event), 1);
    assert_int_equal(event.kind, EXITS_LEAVE);
    assert_int_equal(event.time_ns, 5);
    assert_int_equal(event.thread, 4242);
    assert_int_equal(event.reason, 0x7b);
    assert_int_equal(event.isa, EXIT_ISA_AMD);
    assert_int_equal(event.info, 13);
    record.length = 35;
    assert_int_equal(exits_record_parse(&places, &record, &event), -EBADMSG);
    words[0] = 300 | 1 << 16; /* flags */
    words[6] = 4243;
    words[14] = 17;
    record.length = 60;
    assert_int_equal(exits_record_parse(&places, &record, &event), 1);
    assert_int_equal(event.kind, EXITS_SWITCH);
    assert_int_equal(event.thread, 4243);
    assert_int_equal(event.next, 17);
    words[0] = 301;
    record.length = 8;
    assert_int_equal(exits_record_parse(&places, &record, &event), 1);
    assert_int_equal(event.kind, EXITS_END);
    assert_int_equal(event.thread, 4242);
    words[0] = 110;
    words[3] = 0x80b;
    record.length = 16;
    assert_int_equal(exits_record_parse(&places, &record, &event), 1);
    assert_int_equal(event.kind, EXITS_MSR);
    assert_int_equal(event.msr, 0x80b);
    record.length = 15;
    assert_int_equal(exits_record_parse(&places, &record, &event), -EBADMSG);
    words[0] = 5; /* somebody else's */
    assert_int_equal(exits_record_parse(&places, &record, &event), 0);
    record.length = 1;
    assert_int_equal(exits_record_parse(&places, &record, &event), -EBADMSG);
}

static void test_formats_without_fields(void **state)
{
    (void)state;
    static const struct exits_points points = {
        .reason = "exit_reason", .isa = "isa", .info = "info1"};
    struct exits_places places = {0};
    struct error err = {0};
    assert_true(exits_places_add(&places, EXITS_LEAVE, "kvm/kvm_exit", &points,
                                 TEXT(formats[EXITS_USER]), &err) < 0);
    assert_string_equal(
        err.text, "tracepoint 'kvm/kvm_exit' has no field 'exit_reason' of 4 bytes in this kernel");
    assert_true(exits_places_add(&places, EXITS_USER, "x/y", &points, TEXT("nothing"), &err) < 0);
    assert_string_equal(err.text, "tracepoint 'x/y' has no number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_lost_records_are_flagged),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_full_page),
        cmocka_unit_test(test_lost_in_stats),
        cmocka_unit_test(test_records_of_exits),
        cmocka_unit_test(test_formats_without_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
