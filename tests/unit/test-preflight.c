/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "campaign/preflight.h"
#include "command/vocabulary.h"

static const char plan_text[] = "platforms: [native, qemu-tcg]\n"
                                "vcpus: [1, 2]\n"
                                "memory: 256MiB\n"
                                "workloads: [bzip2]\n";

static int check(struct preflight_host host, struct error *err)
{
    CLEANUP_PLAN struct plan *plan = NULL;
    struct vocabulary known;
    vocabulary_init(&known);
    assert_int_equal(plan_parse(plan_text, strlen(plan_text), "x.yaml", &known.plan, &plan, err),
                     0);
    return preflight_check(plan, &host, err);
}

/* vCPUs of one machine that share a CPU cost the time that is being measured, except where time
 * tells nothing anyway. */
static void test_more_vcpus_than_cpus(void **state)
{
    (void)state;
    struct error err = {0};
    struct preflight_host host = {.cpu_count = 2, .memory_bytes = UINT64_C(4) << 30};
    assert_int_equal(check(host, &err), 0);
    host.cpu_count = 1;
    assert_int_equal(check(host, &err), -EINVAL);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "2 vCPUs in one VM are more than this host's 1 CPUs"));
    host.emulated = true;
    err = (struct error){0};
    assert_int_equal(check(host, &err), 0);
    host.memory_bytes = UINT64_C(300) << 20;
    assert_int_equal(check(host, &err), -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_more_vcpus_than_cpus)};
    return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
