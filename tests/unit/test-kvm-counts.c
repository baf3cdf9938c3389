/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The probe kvm: debugfs where it is open, else binary statistics, else the reasons.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "machine/kvm_stats.h"
#include "probe/kvm_counts.h"
#include "holder.h"
#include "kvm-directory.h"

#define NOBODY (1 << 30)

static char root[] = "/tmp/vtax-kvm-counts-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    kvm_directory_put(root, "12-9", "exits", "100\n");
    kvm_directory_put(root, "12-9", "halt_wait_ns", "70\n");
    kvm_directory_put(root, "12-9", "of_no_interest", "5\n");
    kvm_directory_put(root, "123-9", "exits", "5\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(root, NULL);
}

static void test_debugfs(void **state)
{
    (void)state;
    const struct probe_target targets[] = {{.index = 0, .pid = 99, .is_virtual = true},
                                           {.index = 1, .pid = 12, .is_kvm = true},
                                           {.index = 2, .pid = NOBODY, .is_kvm = true}};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct kvm_counts *counts = NULL;
    assert_int_equal(kvm_counts_open(root, targets, COUNT_OF(targets), &counts, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(targets); i++)
        kvm_counts_read(counts, &targets[i], &out);
    kvm_counts_close(counts);
    assert_int_equal(out.count, 3);
    assert_int_equal(probe_readings_find(&out, 1, "kvm:exits")->value, 100);
    assert_int_equal(probe_readings_find(&out, 1, "kvm:halt_wait_ns")->value, 70);
    const char *why = probe_readings_find(&out, 2, "kvm:exits")->missing;
    assert_non_null(strstr(why, "KVM counts nothing for this process; "));
}

static void test_no_source(void **state)
{
    (void)state;
    const struct probe_target of_kvm = {.pid = NOBODY, .is_kvm = true}, other = {.pid = 12};
    struct kvm_counts *counts = NULL;
    struct error err = {0};
    assert_int_equal(kvm_counts_open("/nowhere", &of_kvm, 1, &counts, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "debugfs"));
    assert_non_null(strstr(err.text, "; open KVM's statistics"));
    assert_int_equal(kvm_counts_open(root, &other, 1, &counts, &err), -ENOTSUP);
    assert_string_equal(err.text, "no machine here runs under KVM");
    assert_null(counts);
}

static void test_binary_statistics(void **state)
{
    (void)state;
    struct kvm_counts *counts = NULL;
    struct error err = {0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct probe_target target = {.pid = holder_start(), .is_kvm = true};
    if (!target.pid) {
        printf("skipped: there is no KVM with binary statistics here\n");
        skip();
    }
    int rc = kvm_counts_open("/nowhere", &target, 1, &counts, &err);
    if (rc >= 0)
        kvm_counts_read(counts, &target, &out);
    holder_stop(target.pid);
    kvm_counts_close(counts);
    if (rc < 0 && strstr(err.text, "only root may reach its vCPUs")) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    assert_int_equal(rc, 0);
    assert_non_null(probe_readings_find(&out, 0, "kvm:exits"));
    assert_null(probe_readings_find(&out, 0, "kvm:exits")->missing);
    assert_non_null(probe_readings_find(&out, 0, "kvm:halt_attempted_poll"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_statistics),
        cmocka_unit_test(test_debugfs),
        cmocka_unit_test(test_no_source),
    };
    return cmocka_run_group_tests_name("kvm-counts", tests, set_up, tear_down);
}
