/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "campaign/preflight.h"
#include "command/vocabulary.h"

static const char vcpus_text[] = "platforms: [native, qemu-tcg]\n"
                                 "vcpus: [1, 2]\n"
                                 "memory: 256MiB\n"
                                 "workloads: [bzip2]\n";

static int check(const char *plan_text, struct preflight_host host, struct error *err)
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
    assert_int_equal(check(vcpus_text, host, &err), 0);
    host.cpu_count = 1;
    assert_int_equal(check(vcpus_text, host, &err), -EINVAL);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "2 vCPUs in one VM are more than this host's 1 CPUs"));
    host.emulated = true;
    err = (struct error){0};
    assert_int_equal(check(vcpus_text, host, &err), 0);
    host.memory_bytes = UINT64_C(300) << 20;
    assert_int_equal(check(vcpus_text, host, &err), -ENOMEM);
}

/* NULL: the plan goes through. */
static void check_placement(const char *platform, const char *placement, const char *refusal)
{
    struct error err = {0};
    const struct preflight_host host = {.cpu_count = 4, .memory_bytes = UINT64_C(4) << 30};
    CLEANUP_FREE char *text = mem_printf("platforms: [native, %s]\nmemory: 256MiB\n"
                                         "workloads: [bzip2]\nplacement: {%s}\n",
                                         platform, placement);
    assert_int_equal(check(text, host, &err), refusal ? -ENOTSUP : 0);
    if (!refusal)
        return;
    assert_int_equal(err.kind, ERROR_USAGE);
    CLEANUP_FREE char *begin =
        mem_printf("check plan: platform '%s' does not heed placement %s: ", platform, refusal);
    assert_memory_equal(err.text, begin, strlen(begin));
}

/* What holds for one platform and not for another would be taken for a difference between them. */
static void test_placement_that_is_not_heeded(void **state)
{
    (void)state;
    static const char *const heeding[] = {"qemu-tcg", "kvm"};
    static const char *const deaf[] = {"xen-pv", "xen-pvh", "xen-hvm", "virtualbox"};
    for (size_t i = 0; i < COUNT_OF(heeding); i++)
        check_placement(heeding[i], "vms: 0-1, emulator: 2-3, numa-node: 0", NULL);
    for (size_t i = 0; i < COUNT_OF(deaf); i++) {
        check_placement(deaf[i], "vms: 0-1, load: 2-3", NULL);
        check_placement(deaf[i], "vms: 0-1, emulator: 2-3", "emulator");
        check_placement(deaf[i], "numa-node: [0, 1]", "numa-node");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_vcpus_than_cpus),
        cmocka_unit_test(test_placement_that_is_not_heeded),
    };
    return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
