/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "machine/kvm_exits.h"

static char root[] = "/tmp/vtax-kvm-exits-XXXXXX";

static void put(const char *machine, const char *name, const char *value)
{
    CLEANUP_FREE char *directory = mem_printf("%s/%s", root, machine);
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, name);
    assert_int_equal(file_make_directories(directory, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(path, value, strlen(value), 0600, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    put("12-9", "exits", "100\n");
    put("12-9", "io_exits", "30\n");
    put("12-9", "halt_exits", "7\n");
    put("12-11", "exits", "1000\n");
    put("12-11", "io_exits", "300\n");
    put("123-9", "exits", "5\n");
    put("14-1", "exits", "many\n");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_a_process_and_no_other),
        cmocka_unit_test(test_no_count_has_a_reason),
    };
    return cmocka_run_group_tests_name("kvm-exits", tests, set_up, tear_down);
}
