/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "pmu/cpuid.h"
#include "pmu/registers.h"

enum { SELECT_ALL = 1 << 22 | 1 << 20 | 1 << 17 | 1 << 16 };
enum { SELECT_USER = 1 << 22 | 1 << 16 };

static const struct pmu_config full = {.core_extension = true, .perfmon_v2 = true, .retired = true};

static void write_ok(struct pmu *pmu, uint32_t msr, uint64_t value)
{
    assert_int_equal(pmu_write_msr(pmu, msr, value), PMU_ACCESS_DONE);
}

static uint64_t read_ok(const struct pmu *pmu, uint32_t msr)
{
    uint64_t value = 0;
    assert_int_equal(pmu_read_msr(pmu, msr, &value), PMU_ACCESS_DONE);
    return value;
}

static void test_legacy_is_another_name(void **state)
{
    (void)state;
    struct pmu pmu;
    pmu_init(&pmu, &full);
    for (uint32_t i = 0; i < 4; i++) {
        write_ok(&pmu, 0xC0010000 + i, 0x410000 + i);
        write_ok(&pmu, 0xC0010004 + i, 100 + i);
        assert_int_equal(read_ok(&pmu, 0xC0010200 + 2 * i), 0x410000 + i);
        assert_int_equal(read_ok(&pmu, 0xC0010201 + 2 * i), 100 + i);
    }
    write_ok(&pmu, 0xC001020B, UINT64_MAX);
    assert_int_equal(read_ok(&pmu, 0xC001020B), PMU_COUNTER_MASK);
}

static void test_what_is_absent(void **state)
{
    (void)state;
    struct pmu pmu;
    static const struct pmu_config legacy;
    uint64_t value;
    pmu_init(&pmu, &legacy);
    static const uint32_t absent[] = {0xC0010200, 0xC001020B, 0xC0000300, 0xC0000301, 0xC0000302,
                                      0xC0000303, 0xC00000E9, 0xC0010008, 0xC000FFFF};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        assert_false(pmu_has_msr(&pmu, absent[i]));
        assert_int_equal(pmu_read_msr(&pmu, absent[i], &value), PMU_ACCESS_NONE);
        assert_int_equal(pmu_write_msr(&pmu, absent[i], 0), PMU_ACCESS_NONE);
    }
    assert_int_equal(pmu_read_counter(&pmu, 3, &value), PMU_ACCESS_DONE);
    assert_int_equal(pmu_read_counter(&pmu, 4, &value), PMU_ACCESS_FAULT);
    pmu_init(&pmu, &full);
    assert_int_equal(pmu_read_counter(&pmu, 5, &value), PMU_ACCESS_DONE);
    assert_int_equal(pmu_read_counter(&pmu, 6, &value), PMU_ACCESS_FAULT);
}

static void test_reserved_bits(void **state)
{
    (void)state;
    struct pmu pmu;
    pmu_init(&pmu, &full);
    for (unsigned bit = 0; bit < 64; bit++) {
        bool reserved = bit == 19 || bit == 21 || (bit >= 36 && bit <= 39) || bit >= 42;
        enum pmu_access expected = reserved ? PMU_ACCESS_FAULT : PMU_ACCESS_DONE;
        assert_int_equal(pmu_write_msr(&pmu, 0xC0010200, UINT64_C(1) << bit), expected);
        expected = bit >= 6 ? PMU_ACCESS_FAULT : PMU_ACCESS_DONE;
        assert_int_equal(pmu_write_msr(&pmu, 0xC0000301, UINT64_C(1) << bit), expected);
    }
    write_ok(&pmu, 0xC0010200, 0x4100c0);
    assert_int_equal(pmu_write_msr(&pmu, 0xC0010200, UINT64_MAX), PMU_ACCESS_FAULT);
    assert_int_equal(read_ok(&pmu, 0xC0010200), 0x4100c0);

    struct pmu_config silicon = full;
    silicon.clear_reserved = true;
    pmu_init(&pmu, &silicon);
    write_ok(&pmu, 0xC0010200, UINT64_MAX);
    assert_int_equal(read_ok(&pmu, 0xC0010200), pmu_select_writable());
}

static void test_overflow_and_status(void **state)
{
    (void)state;
    struct pmu pmu;
    struct pmu_counts now = {0};
    pmu_init(&pmu, &full);
    write_ok(&pmu, 0xC0010200, SELECT_ALL | 0xc0);
    write_ok(&pmu, 0xC0010201, -UINT64_C(1000));
    assert_int_equal(pmu_distance(&pmu), 1000);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] += 999;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010201), PMU_COUNTER_MASK);
    assert_int_equal(pmu_distance(&pmu), 1);
    now.events[PMU_HOST_KERNEL][PMU_INSTRUCTIONS] += 4;
    assert_int_equal(pmu_advance(&pmu, &now), 1);
    assert_int_equal(read_ok(&pmu, 0xC0010201), 3);
    assert_int_equal(read_ok(&pmu, 0xC0000300), 1);
    write_ok(&pmu, 0xC0000300, 0); /* read-only */
    assert_int_equal(read_ok(&pmu, 0xC0000300), 1);
    write_ok(&pmu, 0xC0000303, 4);
    write_ok(&pmu, 0xC0000302, 1);
    assert_int_equal(read_ok(&pmu, 0xC0000300), 4);
    assert_int_equal(read_ok(&pmu, 0xC0000302), 0);
    assert_int_equal(read_ok(&pmu, 0xC0000303), 0);
}

static void test_silent_overflow(void **state)
{
    (void)state;
    struct pmu pmu;
    struct pmu_counts now = {0};
    pmu_init(&pmu, &full);
    write_ok(&pmu, 0xC0010202, SELECT_USER | 0xc0); /* no interrupt */
    write_ok(&pmu, 0xC0010203, PMU_COUNTER_MASK);
    assert_true(pmu_distance(&pmu) == UINT64_MAX);
    now.events[PMU_GUEST_USER][PMU_INSTRUCTIONS] = 1;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, 0xC0000300), 2);
    assert_int_equal(read_ok(&pmu, 0xC0010203), 0);
}

static void test_global_control_gates(void **state)
{
    (void)state;
    struct pmu pmu;
    struct pmu_counts now = {0};
    pmu_init(&pmu, &full);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xc0);
    write_ok(&pmu, 0xC0000301, 0x3e);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 7;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    write_ok(&pmu, 0xC0000301, 0x3f);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 10;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010201), 3);
}

/* The set of buckets for every scope, as 13.2 describes bits 40 and 41. */
static void test_worlds(void **state)
{
    (void)state;
    const uint64_t both = PMU_SELECT_KERNEL | PMU_SELECT_USER;
    const uint64_t host = PMU_SELECT_HOST_ONLY, guest = PMU_SELECT_GUEST_ONLY;
    static const struct {
        unsigned scope;
        bool svm;
        unsigned expected[4]; /* neither, host only, guest only, both */
    } rows[] = {
        {PMU_SCOPE_MACHINE, true, {0xf, 0x3, 0xc, 0xf}},
        {PMU_SCOPE_MACHINE, false, {0xf, 0, 0, 0}},
        {PMU_SCOPE_HOST, true, {0x3, 0x3, 0, 0x3}},
        {PMU_SCOPE_HOST, false, {0x3, 0, 0, 0}},
        {PMU_SCOPE_GUEST, true, {0xc, 0, 0xc, 0xc}},
        {PMU_SCOPE_AS_HOST, true, {0xc, 0xc, 0, 0xc}},
    };
    const uint64_t selects[] = {both, both | host, both | guest, both | host | guest};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(pmu_select_buckets(selects[j], rows[i].scope, rows[i].svm),
                             rows[i].expected[j]);
    assert_int_equal(pmu_select_buckets(PMU_SELECT_USER, PMU_SCOPE_MACHINE, true), 0xa);
    assert_int_equal(pmu_select_buckets(PMU_SELECT_KERNEL, PMU_SCOPE_MACHINE, true), 0x5);
    assert_int_equal(pmu_select_buckets(0, PMU_SCOPE_MACHINE, true), 0);
}

static void test_retired_counter(void **state)
{
    (void)state;
    struct pmu pmu;
    struct pmu_counts now = {0};
    pmu_init(&pmu, &full);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 5;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, PMU_MSR_RETIRED), 0);
    pmu.retired_enabled = true;
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 8;
    now.events[PMU_HOST_KERNEL][PMU_INSTRUCTIONS] = 4;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, PMU_MSR_RETIRED), 7);
    write_ok(&pmu, PMU_MSR_RETIRED, UINT64_MAX); /* it has 48 bits */
    assert_int_equal(read_ok(&pmu, PMU_MSR_RETIRED), PMU_COUNTER_MASK);
    now.events[PMU_HOST_KERNEL][PMU_INSTRUCTIONS] = 6;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, PMU_MSR_RETIRED), 1);
}

static void note_unknown(void *context, uint64_t select)
{
    (void)select;
    ++*(unsigned *)context;
}

static void test_unknown_is_told_once(void **state)
{
    (void)state;
    struct pmu pmu, other;
    struct pmu_counts now = {0};
    struct pmu_unknown unknown = {0};
    unsigned told = 0;
    struct pmu_config config = full;
    config.unknown_event = note_unknown;
    config.context = &told;
    config.unknown = &unknown;
    pmu_init(&pmu, &config);
    pmu_init(&other, &config);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xd1);
    write_ok(&pmu, 0xC0010202, SELECT_USER | 0xd1);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xd1);
    write_ok(&other, 0xC0010200, SELECT_USER | 0xd1); /* the machine's other CPU */
    assert_int_equal(told, 1);
    write_ok(&other, 0xC0010200, SELECT_USER | 0xd0);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xd0);
    assert_int_equal(told, 2);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xc0);
    assert_int_equal(told, 2);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 5;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010203), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010201), 5);
}

/* What the machine does not count is answered like what nobody knows; cycles are made of the rest.
 */
static void test_uncounted_is_refused(void **state)
{
    (void)state;
    struct pmu pmu;
    struct pmu_counts now = {0};
    struct pmu_unknown unknown = {0};
    unsigned told = 0;
    struct pmu_config config = full;
    config.unknown_event = note_unknown;
    config.context = &told;
    config.unknown = &unknown;
    config.cycles = pmu_cycle_fallback;
    config.uncounted = 1u << PMU_BRANCH_MISSES | 1u << PMU_L1D_MISSES;
    pmu_init(&pmu, &config);
    write_ok(&pmu, 0xC0010200, SELECT_USER | 0xc3);
    assert_int_equal(told, 1);
    write_ok(&pmu, 0xC0010202, SELECT_USER | 0x41);
    assert_int_equal(told, 2);
    write_ok(&pmu, 0xC0010204, SELECT_USER | 0x76);
    write_ok(&pmu, 0xC0010206, SELECT_USER | 0xc0);
    assert_int_equal(told, 2);
    now.events[PMU_HOST_USER][PMU_INSTRUCTIONS] = 7;
    now.events[PMU_HOST_USER][PMU_BRANCH_MISSES] = 3;
    assert_int_equal(pmu_advance(&pmu, &now), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010201), 0);
    assert_int_equal(read_ok(&pmu, 0xC0010203), 0);
    assert_true(read_ok(&pmu, 0xC0010205) >= 7);
    assert_int_equal(read_ok(&pmu, 0xC0010207), 7);
}

static void test_no_pmu(void **state)
{
    (void)state;
    struct pmu pmu;
    static const struct pmu_config config = {.none = true};
    uint64_t value;
    pmu_init(&pmu, &config);
    assert_false(pmu_has_msr(&pmu, 0xC0010000));
    assert_false(pmu_has_msr(&pmu, 0xC0010004));
    assert_int_equal(pmu_read_counter(&pmu, 0, &value), PMU_ACCESS_NONE);
    assert_int_equal(pmu_write_msr(&pmu, 0xC0010000, 0), PMU_ACCESS_NONE);
}

static void test_cpuid(void **state)
{
    (void)state;
    struct cpuid_result r = {.eax = 0x80000008, .ebx = 1, .ecx = 2, .edx = 3};
    pmu_cpuid_amend(&full, PMU_SWITCH_TRANSPARENT, 0x80000000, &r);
    assert_int_equal(r.eax, 0x80000022);
    assert_int_equal(r.ebx, 1);
    r = (struct cpuid_result){.ecx = 1};
    pmu_cpuid_amend(&full, PMU_SWITCH_TRANSPARENT, 0x80000001, &r);
    assert_int_equal(r.ecx, 1u << 23 | 1);
    static const struct pmu_config legacy;
    pmu_cpuid_amend(&legacy, PMU_SWITCH_NONE, 0x80000001, &r);
    assert_int_equal(r.ecx, 1);
    pmu_cpuid_amend(&full, PMU_SWITCH_NONE, 0x80000022, &r);
    assert_int_equal(r.eax, 1);
    assert_int_equal(r.ebx, 6);
    r = (struct cpuid_result){.eax = 1, .edx = 1}; /* revision 1 of SVM */
    pmu_cpuid_amend(&full, PMU_SWITCH_TRANSPARENT, 0x8000000A, &r);
    assert_int_equal(r.edx, 1);
    pmu_cpuid_amend(&full, PMU_SWITCH_ARCHITECTURAL, 0x8000000A, &r);
    assert_int_equal(r.edx, 1 | 1 << 8 | 1 << 25);
    r = (struct cpuid_result){0}; /* no SVM */
    pmu_cpuid_amend(&full, PMU_SWITCH_ARCHITECTURAL, 0x8000000A, &r);
    assert_int_equal(r.edx, 0);
    r = (struct cpuid_result){.eax = 9, .edx = 9};
    pmu_cpuid_amend(&full, PMU_SWITCH_ARCHITECTURAL, 1, &r);
    assert_int_equal(r.eax, 9);
    assert_false(pmu_cpuid_concerns(1));
    assert_true(pmu_cpuid_concerns(0x80000022));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_is_another_name),
        cmocka_unit_test(test_what_is_absent),
        cmocka_unit_test(test_reserved_bits),
        cmocka_unit_test(test_overflow_and_status),
        cmocka_unit_test(test_silent_overflow),
        cmocka_unit_test(test_global_control_gates),
        cmocka_unit_test(test_worlds),
        cmocka_unit_test(test_retired_counter),
        cmocka_unit_test(test_unknown_is_told_once),
        cmocka_unit_test(test_uncounted_is_refused),
        cmocka_unit_test(test_no_pmu),
        cmocka_unit_test(test_cpuid),
    };
    return cmocka_run_group_tests_name("pmu-registers", tests, NULL, NULL);
}
