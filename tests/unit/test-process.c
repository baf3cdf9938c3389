/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/process.h"

static void test_output_is_collected(void **state)
{
    (void)state;
    struct error err = {0};
    char *text = NULL;
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    assert_int_equal(process_check(argv, 0, &text, &err), 0);
    assert_string_equal(text, "out\nerr\n");
    free(text);
}

static void test_failure_quotes_last_line(void **state)
{
    (void)state;
    struct error err = {0};
    const char *const argv[] = {"sh", "-c", "echo first; echo last; exit 3", NULL};
    assert_int_equal(process_check(argv, 0, NULL, &err), -EIO);
    assert_string_equal(err.text, "run 'sh': exit code 3: last");
}

static void test_missing_program(void **state)
{
    (void)state;
    struct error err = {0};
    const char *const argv[] = {"vtax-no-such-program", NULL};
    assert_int_equal(process_check(argv, 0, NULL, &err), -ENOENT);
    assert_int_equal(err.kind, ERROR_ENVIRONMENT);
    assert_false(process_find_program("vtax-no-such-program"));
    assert_true(process_find_program("sh"));
}

static void test_timeout_ends_the_child(void **state)
{
    (void)state;
    struct error err = {0};
    const char *const argv[] = {"sleep", "1000", NULL};
    assert_int_equal(process_check(argv, 50 * NS_PER_MS, NULL, &err), -ETIMEDOUT);
}

/* On a machine without NUMA node 0 is all there is. */
static void test_memory_of_a_node(void **state)
{
    (void)state;
    struct error err = {0};
    struct process_output output;
    static const uint64_t node = 0, missing = 1023;
    const char *const argv[] = {"cat", "/proc/self/numa_maps", NULL};
    struct process_options options = {.argv = argv, .memory_nodes = &node, .memory_node_count = 1};
    int rc = process_run(&options, 0, 0, &output, &err);
    if (rc == -ENOSYS || rc == -EPERM) { /* a kernel without NUMA, a container that forbids it */
        print_message("skipped: %s\n", err.text);
        skip();
    }
    assert_int_equal(rc, 0);
    assert_non_null(strstr(output.text, " bind:0 "));
    free(output.text);
    options.memory_nodes = &missing;
    assert_int_equal(process_run(&options, 0, 0, &output, &err), -EINVAL);
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    struct error err = {0};
    struct process_output output;
    const char *const argv[] = {"head", "-c", "3000000", "/dev/zero", NULL};
    struct process_options options = {.argv = argv};
    assert_int_equal(process_run(&options, 0, 1000, &output, &err), 0);
    assert_int_equal(output.length, 1000);
    assert_int_equal(output.status, 0);
    free(output.text);
}

static void test_signal_status(void **state)
{
    (void)state;
    struct error err = {0};
    const char *const argv[] = {"sleep", "1000", NULL};
    struct process_options options = {.argv = argv, .own_group = true, .dies_with_parent = true};
    pid_t pid = process_start(&options, &err);
    assert_true(pid > 0);
    assert_int_equal(process_wait(pid, NS_PER_MS), -ETIMEDOUT);
    kill(pid, SIGKILL);
    assert_int_equal(process_wait(pid, 0), 256 + SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_is_collected), cmocka_unit_test(test_failure_quotes_last_line),
        cmocka_unit_test(test_missing_program),     cmocka_unit_test(test_timeout_ends_the_child),
        cmocka_unit_test(test_output_is_bounded),   cmocka_unit_test(test_signal_status),
        cmocka_unit_test(test_memory_of_a_node),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
