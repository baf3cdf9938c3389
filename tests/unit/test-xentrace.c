/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "probe/probe.h"
#include "probe/xentrace.h"

#define WITH_TICKS 0x80000000u
#define EXTRA(n) ((uint32_t)(n) << 28)
#define VCPU(domain, vcpu) ((uint32_t)(domain) << 16 | (vcpu))
enum { RUNS = 0x00021101, BLOCKS = 0x00021021, EXITS = 0x00081102, ENTERS = 0x00081001 };

struct buffer {
    uint32_t words[256];
    size_t count;
};

static void put_cpu(struct buffer *buffer, uint32_t cpu)
{
    const uint32_t words[] = {0x0001f003 | EXTRA(2), cpu, 4096};
    memcpy(buffer->words + buffer->count, words, sizeof(words));
    buffer->count += COUNT_OF(words);
}

static void put(struct buffer *buffer, uint32_t event, uint64_t ticks, uint32_t extra)
{
    const uint32_t words[] = {event | EXTRA(1) | WITH_TICKS, (uint32_t)ticks,
                              (uint32_t)(ticks >> 32), extra};
    memcpy(buffer->words + buffer->count, words, sizeof(words));
    buffer->count += COUNT_OF(words);
}

static void feed(struct xentrace *trace, const struct buffer *buffer)
{
    size_t bytes = buffer->count * sizeof(buffer->words[0]);
    assert_int_equal(xentrace_feed(trace, buffer->words, bytes), bytes);
}

static void check_sum(const struct xentrace_sum *sum, unsigned domain, unsigned reason,
                      uint64_t count, uint64_t ticks)
{
    assert_int_equal(sum->domain, domain);
    assert_int_equal(sum->reason, reason);
    assert_int_equal(sum->count, count);
    assert_int_equal(sum->ticks, ticks);
}

/* Two domains on two CPUs; one is off the CPU in an exit for HLT and comes back on the other. */
static void test_exits_of_two_domains(void **state)
{
    (void)state;
    CLEANUP_XENTRACE struct xentrace trace = {0};
    struct buffer buffer = {.count = 0};
    put_cpu(&buffer, 0);
    put(&buffer, EXITS, 5, 0x72); /* nobody is known to run here */
    put(&buffer, RUNS, 10, VCPU(1, 0));
    put(&buffer, ENTERS, 20, 0);
    put(&buffer, EXITS, UINT64_C(0x100000000), 0x72);
    put(&buffer, ENTERS, UINT64_C(0x100000064), 0);
    put(&buffer, EXITS, UINT64_C(0x100001000), 0x78);
    put(&buffer, BLOCKS, UINT64_C(0x100001010), VCPU(1, 0));
    put_cpu(&buffer, 1);
    put(&buffer, RUNS, 30, VCPU(2, 0));
    put(&buffer, EXITS, 40, 0x72);
    put(&buffer, ENTERS, 43, 0);
    put(&buffer, BLOCKS, 50, VCPU(2, 0));
    put(&buffer, RUNS, UINT64_C(0x100002000), VCPU(1, 0));
    put(&buffer, ENTERS, UINT64_C(0x100002001), 0);
    feed(&trace, &buffer);
    assert_int_equal(trace.sum_count, 3);
    check_sum(&trace.sums[0], 1, 0x72, 1, 100);
    check_sum(&trace.sums[1], 2, 0x72, 1, 3);
    check_sum(&trace.sums[2], 1, 0x78, 1, 17);
    assert_int_equal(trace.lost, 0);
    assert_int_equal(trace.torn, 1);
}

/* A full ring is counted, and the exit that it cut is no exit of any length. */
static void test_lost_records(void **state)
{
    (void)state;
    CLEANUP_XENTRACE struct xentrace trace = {0};
    struct buffer buffer = {.count = 0};
    put_cpu(&buffer, 0);
    put(&buffer, RUNS, 10, VCPU(1, 0));
    put(&buffer, EXITS, 20, 0x72);
    put(&buffer, 0x0001f001, 30, 77);
    put(&buffer, ENTERS, 1000, 0);
    feed(&trace, &buffer);
    assert_int_equal(trace.lost, 77);
    assert_int_equal(trace.torn, 1);
    assert_int_equal(trace.sum_count, 0);
}

/* However a file is cut, it says the same. */
static void test_pieces(void **state)
{
    (void)state;
    struct buffer buffer = {.count = 0};
    put_cpu(&buffer, 3);
    put(&buffer, RUNS, 10, VCPU(1, 1));
    put(&buffer, EXITS, 20, 0x7b);
    put(&buffer, ENTERS, 25, 0);
    const char *bytes = (const char *)buffer.words;
    size_t length = buffer.count * sizeof(buffer.words[0]);
    for (size_t cut = 0; cut <= length; cut++) {
        CLEANUP_XENTRACE struct xentrace trace = {0};
        size_t used = xentrace_feed(&trace, bytes, cut);
        assert_true(used <= cut && cut - used < 40);
        assert_int_equal(used + xentrace_feed(&trace, bytes + used, length - used), length);
        assert_int_equal(trace.sum_count, 1);
        check_sum(&trace.sums[0], 1, 0x7b, 1, 5);
    }
}

static void test_rate(void **state)
{
    (void)state;
    static const char text[] = "host : x\ncpu_mhz                : 2394.375\nhw_caps : 1\n";
    assert_true(xentrace_parse_mhz(text, strlen(text)) == 2394.375);
    assert_true(isnan(xentrace_parse_mhz(text, 12)));
    assert_true(isnan(xentrace_parse_mhz("cpu_mhz : -1", 12)));
    assert_true(isnan(xentrace_parse_mhz("", 0)));
}

static void put_script(const char *directory, const char *name, const char *text)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0755, NULL), 0);
}

/* What the probe has of one machine while xentrace is this script, which may use `records`. */
static void probe_with(const char *script, const struct buffer *records, struct probe_readings *out)
{
    const struct option_texts wanted = {(char *[]){(char[]){"xen"}}, 1};
    const struct probe_target target = {.domain = 3, .is_virtual = true};
    CLEANUP_FREE char *old = mem_strdup(getenv("PATH") ? getenv("PATH") : "");
    char directory[] = "/tmp/vtax-xentrace-XXXXXX";
    assert_non_null(mkdtemp(directory));
    put_script(directory, "xl", "#!/bin/sh\necho 'cpu_mhz : 2000.0'\n");
    put_script(directory, "xentrace", script);
    CLEANUP_FREE char *file = mem_printf("%s/records", directory);
    assert_int_equal(file_write_atomic(file, records->words,
                                       records->count * sizeof(records->words[0]), 0644, NULL),
                     0);
    CLEANUP_FREE char *path = mem_printf("%s:%s", directory, old);
    setenv("PATH", path, 1);
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    for (int i = 0; i < 100; i++) /* until it has said so, at most */
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    probing_end(probing, out);
    probing_close(probing);
    setenv("PATH", old, 1);
    assert_int_equal(file_remove_tree(directory, NULL), 0);
    assert_null(probe_readings_find(out, -1, "xen")->missing);
}

/* A xentrace that cannot trace: there are no counts, and what it said is why. */
static void test_nothing_came(void **state)
{
    (void)state;
    const struct buffer nothing = {.count = 0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    probe_with("#!/bin/sh\necho 'no buffers' >&2\nexec sleep 100\n", &nothing, &out);
    const char *why = probe_readings_find(&out, 0, "exits:lost")->missing;
    assert_non_null(why);
    assert_non_null(strstr(why, "xentrace wrote no record of exits: no buffers"));
}

/* As the real one: without a file's name it prints its usage there, and ends. */
static void test_wants_a_file(void **state)
{
    (void)state;
    struct buffer records = {.count = 0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    put_cpu(&records, 0);
    put(&records, RUNS, 1000, VCPU(3, 0));
    put(&records, EXITS, 2000, 0x7fff);
    put(&records, ENTERS, 6000, 0);
    probe_with("#!/bin/sh\nfor last; do :; done\n"
               "case $last in [0-9]*) echo Usage: xentrace; exit 1 ;; esac\n"
               "cat \"${0%/*}/records\" >\"$last\"\nexec sleep 100\n",
               &records, &out);
    assert_true(probe_readings_find(&out, 0, "exits:lost")->value == 0);
    assert_true(probe_readings_find(&out, 0, "exits:0x7fff:count")->value == 1);
    assert_true(probe_readings_find(&out, 0, "exits:0x7fff:kernel_ns")->value == 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exits_of_two_domains),
        cmocka_unit_test(test_lost_records),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_nothing_came),
        cmocka_unit_test(test_wants_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
