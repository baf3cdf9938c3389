/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "machine/procfs.h"

static void test_stat(void **state)
{
    (void)state;
    struct procfs_stat stat;
    const char *text =
        "4242 (a ) (b) R 17 4242 4242 0 -1 4194560 100 0 0 0 12 34 5 6 20 0 1 0 987654 "
        "1000 200 18446744073709551615\n";
    assert_int_equal(procfs_parse_stat(text, &stat), 0);
    assert_int_equal(stat.parent, 17);
    assert_int_equal(stat.state, 'R');
    assert_int_equal(stat.cpu_ticks, 46);
    assert_int_equal(stat.child_ticks, 11);
    assert_int_equal(stat.start_ticks, 987654);
    assert_int_equal(procfs_parse_stat("4242 (x) R 17", &stat), -EBADMSG);
    assert_int_equal(procfs_parse_stat("", &stat), -EBADMSG);
}

static void test_schedstat(void **state)
{
    (void)state;
    uint64_t run_ns, wait_ns;
    assert_int_equal(procfs_parse_schedstat("123456789012 42 7\n", &run_ns, &wait_ns), 0);
    assert_int_equal(run_ns, 123456789012);
    assert_int_equal(wait_ns, 42);
    assert_int_equal(procfs_parse_schedstat("0\n", &run_ns, &wait_ns), -EBADMSG);
}

/* A /proc of two machines: 100 with child 101 and grandchild 102, and 200. */
static char *make_proc(void)
{
    char *root = mem_strdup("/tmp/vtax-procfs-XXXXXX");
    assert_non_null(mkdtemp(root));
    return root;
}

static void put(const char *root, const char *name, const char *text)
{
    struct error err = {0};
    CLEANUP_FREE char *path = mem_printf("%s/%s", root, name);
    CLEANUP_FREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(file_make_directories(directory, 0755, &err), 0);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

static void put_stat(const char *root, int pid, int parent, int user, int child)
{
    CLEANUP_FREE char *name = mem_printf("%d/stat", pid);
    CLEANUP_FREE char *text = mem_printf(
        "%d (x) S %d 1 1 0 -1 0 0 0 0 0 %d 0 %d 0 20 0 1 0 5 0 0\n", pid, parent, user, child);
    put(root, name, text);
}

static void test_tree_cpu(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_FREE char *root = make_proc();
    put_stat(root, 102, 101, 1, 0);
    put_stat(root, 100, 1, 10, 100);
    put_stat(root, 101, 100, 1000, 0);
    put_stat(root, 200, 1, 7777, 0);
    uint64_t cpu_ns = 0;
    assert_int_equal(procfs_read_tree_cpu(root, 100, &cpu_ns, &err), 0);
    assert_int_equal(cpu_ns, UINT64_C(1111) * (1000000000 / (unsigned)sysconf(_SC_CLK_TCK)));
    assert_int_equal(procfs_read_tree_cpu(root, 300, &cpu_ns, &err), -ESRCH);
    assert_true(procfs_is_alive(root, 100, 5));
    assert_false(procfs_is_alive(root, 100, 6));
    assert_false(procfs_is_alive(root, 300, 5));
    assert_int_equal(file_remove_tree(root, &err), 0);
}

static void test_threads(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_FREE char *root = make_proc();
    static const char *const rows[][3] = {{"100", "qemu-system-x86\n", "10 1 1\n"},
                                          {"101", "CPU 0/TCG\n", "1000 200 1\n"},
                                          {"102", "CPU 1/KVM\n", "3000 400 1\n"},
                                          {"103", "CPUfreq\n", "20 2 1\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_FREE char *comm = mem_printf("100/task/%s/comm", rows[i][0]);
        CLEANUP_FREE char *schedstat = mem_printf("100/task/%s/schedstat", rows[i][0]);
        put(root, comm, rows[i][1]);
        put(root, schedstat, rows[i][2]);
    }
    struct procfs_threads threads;
    assert_int_equal(procfs_read_threads(root, 100, &threads, &err), 0);
    assert_int_equal(threads.vcpus, 2);
    assert_int_equal(threads.vcpu_run_ns, 4000);
    assert_int_equal(threads.vcpu_wait_ns, 600);
    assert_int_equal(threads.other_run_ns, 30);
    assert_int_equal(threads.other_wait_ns, 3);
    assert_int_equal(file_remove_tree(root, &err), 0);
}

/* VirtualBox's: one with a machine of one vCPU, several with others. */
static void test_emulation_threads(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_FREE char *root = make_proc();
    static const char *const rows[][2] = {
        {"100", "EMT\n"}, {"101", "EMT-1\n"}, {"102", "EMTX\n"}, {"103", "EMT-\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_FREE char *comm = mem_printf("100/task/%s/comm", rows[i][0]);
        CLEANUP_FREE char *schedstat = mem_printf("100/task/%s/schedstat", rows[i][0]);
        put(root, comm, rows[i][1]);
        put(root, schedstat, i < 2 ? "100 10 1\n" : "1 1 1\n");
    }
    struct procfs_threads threads;
    assert_int_equal(procfs_read_threads(root, 100, &threads, &err), 0);
    assert_int_equal(threads.vcpus, 2);
    assert_int_equal(threads.vcpu_run_ns, 200);
    assert_int_equal(threads.other_wait_ns, 2);
    assert_int_equal(file_remove_tree(root, &err), 0);
}

static void count_found(pid_t pid, void *context)
{
    assert_int_equal(pid, 7);
    ++*(int *)context;
}

static void ignore_found(pid_t pid, void *context)
{
    *(int *)context += pid;
}

static void test_command_line(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_FREE char *root = make_proc();
    put(root, "7/cmdline", "qemu");
    CLEANUP_FREE char *path = mem_printf("%s/7/cmdline", root);
    assert_int_equal(file_write_atomic(path, "qemu\0-x\0/run/a/b", 16, 0644, &err), 0);
    put(root, "8/cmdline", "other");
    int found = 0;
    procfs_find_command(root, "/run/a/", count_found, &found);
    assert_int_equal(found, 1);
    put(root, "7/environ", "HOME=/root");
    put(root, "8/environ", "VBOX_USER_HOME=/run/a/home");
    procfs_find_environment(root, "VBOX_USER_HOME=/run/a/", ignore_found, &found);
    assert_int_equal(found, 9);
    assert_int_equal(file_remove_tree(root, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),         cmocka_unit_test(test_schedstat),
        cmocka_unit_test(test_tree_cpu),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_command_line), cmocka_unit_test(test_emulation_threads),
    };
    return cmocka_run_group_tests_name("procfs", tests, NULL, NULL);
}
