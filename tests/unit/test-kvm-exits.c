/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "machine/kvm_exits.h"
#include "machine/kvm_stats.h"
#include "holder.h"
#include "kvm-directory.h"

static char root[] = "/tmp/vtax-kvm-exits-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    kvm_directory_put(root, "12-9", "exits", "100\n");
    kvm_directory_put(root, "12-9", "io_exits", "30\n");
    kvm_directory_put(root, "12-9", "halt_exits", "7\n");
    kvm_directory_put(root, "12-11", "exits", "1000\n");
    kvm_directory_put(root, "12-11", "io_exits", "300\n");
    kvm_directory_put(root, "123-9", "exits", "5\n");
    kvm_directory_put(root, "14-1", "exits", "many\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(root, NULL);
}

static uint64_t find(const struct machine_usage *usage, const char *name)
{
    for (size_t i = 0; i < usage->exit_part_count; i++)
        if (strcmp(usage->exit_parts[i].name, name) == 0)
            return usage->exit_parts[i].value;
    return UINT64_MAX;
}

static void test_all_of_a_process_and_no_other(void **state)
{
    (void)state;
    struct machine_usage usage = {0};
    kvm_exits_read(root, 12, &usage);
    assert_null(usage.exits.missing);
    assert_int_equal(usage.exits.value, 1100);
    assert_int_equal(find(&usage, "exits.io"), 330);
    assert_int_equal(find(&usage, "exits.halt"), 7);
    assert_true(find(&usage, "exits.mmio") == UINT64_MAX);
}

static void test_no_count_has_a_reason(void **state)
{
    (void)state;
    struct machine_usage usage = {0};
    kvm_exits_read(root, 13, &usage);
    assert_string_equal(usage.exits.missing, "KVM counts nothing for this process");
    kvm_exits_read(root, 14, &usage);
    assert_non_null(usage.exits.missing);
    kvm_exits_read("/nonexistent", 12, &usage);
    assert_non_null(strstr(usage.exits.missing, "debugfs"));
    assert_int_equal(usage.exit_part_count, 0);
}

#define NAME_BYTES 48

/* What KVM's statistics descriptor gives: a header, an id, descriptors, values. */
struct blob {
    struct kvm_stats_header header;
    char id[NAME_BYTES];
    struct {
        struct kvm_stats_desc fixed;
        char name[NAME_BYTES];
    } counters[3];
    uint64_t values[6];
};

static void make_blob(struct blob *blob)
{
    *blob = (struct blob){
        .header = {.name_size = NAME_BYTES,
                   .num_desc = 3,
                   .id_offset = offsetof(struct blob, id),
                   .desc_offset = offsetof(struct blob, counters),
                   .data_offset = offsetof(struct blob, values)},
        .counters = {{{.flags = KVM_STATS_TYPE_CUMULATIVE, .size = 1, .offset = 0}, "exits"},
                     {{.flags = KVM_STATS_TYPE_LOG_HIST, .size = 4, .offset = 8}, "halt_wait_hist"},
                     {{.flags = KVM_STATS_TYPE_CUMULATIVE, .size = 1, .offset = 40}, "io_exits"}},
        .values = {900, 1, 2, 3, 4, 70}};
}

struct counts {
    uint64_t exits, io, others;
};

static void take_count(const char *name, uint64_t value, void *context)
{
    struct counts *counts = context;
    if (strcmp(name, "exits") == 0)
        counts->exits = value;
    else if (strcmp(name, "io_exits") == 0)
        counts->io = value;
    else
        counts->others++;
}

static void test_binary_statistics(void **state)
{
    (void)state;
    struct blob blob;
    struct counts counts = {0};
    make_blob(&blob);
    assert_int_equal(kvm_stats_parse(&blob, sizeof(blob), take_count, &counts), 0);
    assert_int_equal(counts.exits, 900);
    assert_int_equal(counts.io, 70);
    assert_int_equal(counts.others, 0); /* a histogram is no count */
    assert_string_equal(kvm_exits_name("io_exits"), "exits.io");
    assert_null(kvm_exits_name("pf_fixed"));
    for (size_t length = 0; length < sizeof(blob); length++)
        assert_int_equal(kvm_stats_parse(&blob, length, take_count, &counts), -EBADMSG);
    blob.counters[2].fixed.offset = UINT32_MAX;
    assert_int_equal(kvm_stats_parse(&blob, sizeof(blob), take_count, &counts), -EBADMSG);
    make_blob(&blob);
    blob.header.num_desc = UINT32_MAX;
    assert_int_equal(kvm_stats_parse(&blob, sizeof(blob), take_count, &counts), -EBADMSG);
    make_blob(&blob);
    blob.header.name_size = 0;
    assert_int_equal(kvm_stats_parse(&blob, sizeof(blob), take_count, &counts), -EBADMSG);
}

static void test_statistics_of_none(void **state)
{
    (void)state;
    struct kvm_stats *stats = NULL;
    struct error err = {0};
    assert_true(kvm_stats_open(getpid(), &stats, &err) < 0);
    assert_string_equal(err.text,
                        "this process keeps no statistics of KVM's open (QEMU 8.1 and later do)");
    assert_null(stats);
}

static void test_statistics_of_another_process(void **state)
{
    (void)state;
    struct kvm_stats *stats = NULL;
    struct machine_usage usage = {0};
    struct error err = {0};
    pid_t pid = holder_start();
    if (!pid) {
        printf("skipped: there is no KVM with binary statistics here\n");
        skip();
    }
    int rc = kvm_stats_open(pid, &stats, &err);
    if (rc >= 0)
        kvm_stats_read(stats, &usage);
    holder_stop(pid);
    kvm_stats_close(stats);
    if (rc == -EPERM) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    assert_int_equal(rc, 0);
    assert_true(usage.exit_part_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_of_another_process),
        cmocka_unit_test(test_all_of_a_process_and_no_other),
        cmocka_unit_test(test_no_count_has_a_reason),
        cmocka_unit_test(test_binary_statistics),
        cmocka_unit_test(test_statistics_of_none),
    };
    return cmocka_run_group_tests_name("kvm-exits", tests, set_up, tear_down);
}
