/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "probe/vcpu_counter.h"
#include "world.h"

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"
#define OF_AMD "/sys/module/kvm_amd/parameters/enable_mediated_pmu"
#define OF_INTEL "/sys/module/kvm_intel/parameters/enable_mediated_pmu"

static const struct {
    int rc;
    struct world_file files[3];
    const char *says;
} refusals[] = {
    {-EACCES,
     {{PARANOID, "3\n"}},
     "not permitted with kernel.perf_event_paranoid = 3: needs root, or that below 2"},
    {-EPERM,
     {{PARANOID, "2\n"}},
     "not permitted with kernel.perf_event_paranoid = 2: needs root, or that below 2"},
    {-EPERM,
     {{OF_AMD, "Y\n"}},
     "not permitted with kernel.perf_event_paranoid = ?: needs root, or that below 2"},
    {-EOPNOTSUPP,
     {{OF_AMD, "Y\n"}},
     "event 'cycles': while a machine has KVM's mediated vPMU guests are not counted from the "
     "host: load kvm_amd with enable_mediated_pmu=0"},
    {-EOPNOTSUPP,
     {{OF_AMD, "N\n"}, {OF_INTEL, "Y\n"}},
     "event 'cycles': while a machine has KVM's mediated vPMU guests are not counted from the "
     "host: load kvm_intel with enable_mediated_pmu=0"},
    {-EOPNOTSUPP,
     {{OF_AMD, "N\n"}},
     "event 'cycles': this host shows no performance counters that tell guest from host"},
    {-ENOENT,
     {{OF_AMD, "Y\n"}},
     "event 'cycles': this host shows no performance counters that tell guest from host"},
    {-ENODEV,
     {{NULL, NULL}},
     "event 'cycles': this host shows no performance counters that tell guest from host"},
    {-EMFILE, {{NULL, NULL}}, "open counter 'cycles': Too many open files"},
};

static void test_refusals_name_the_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        char *root = world_make(refusals[i].files);
        struct error err = {0};
        assert_int_equal(vcpu_counter_refuse(root, "cycles", refusals[i].rc, &err), refusals[i].rc);
        assert_string_equal(err.text, refusals[i].says);
        assert_int_equal(err.kind, ERROR_ENVIRONMENT);
        world_remove(root);
    }
}

static void test_scale(void **state)
{
    (void)state;
    const struct vcpu_count earlier = {100, 1000, 1000}, later = {150, 2000, 1500},
                            starved = {100, 2000, 1000};
    assert_int_equal(vcpu_counter_scale(&earlier, &later), 100);
    assert_int_equal(vcpu_counter_scale(NULL, &later), 200);
    assert_int_equal(vcpu_counter_scale(&earlier, &starved), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_name_the_cause),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
