/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "probe/all_cpus.h"

static void test_each_or_none(void **state)
{
    (void)state;
    struct perf_event_attr clock = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof(clock), .config = PERF_COUNT_SW_CPU_CLOCK};
    struct perf_event_attr nothing = {.type = UINT32_MAX, .size = sizeof(nothing)};
    struct all_cpus cpus;
    int rc = all_cpus_open(&clock, NULL, &cpus);
    if (rc == -EACCES || rc == -EPERM || rc == -ENOSYS)
        skip(); /* not root */
    assert_int_equal(rc, 0);
    assert_int_equal(cpus.count, sysconf(_SC_NPROCESSORS_ONLN));
    all_cpus_close(&cpus);
    assert_int_equal(all_cpus_open(&nothing, NULL, &cpus), -ENOENT);
    assert_int_equal(cpus.count, 0);
    assert_null(cpus.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_or_none)};
    return cmocka_run_group_tests_name("all-cpus", tests, NULL, NULL);
}
