/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The small parts of pmu/: cache, predictor, local vector table, permission map, VMCB layout,
 * injections.
 */
#include "test.h"

#include "base/rng.h"
#include "pmu/cache.h"
#include "pmu/injection.h"
#include "pmu/lvt.h"
#include "pmu/predictor.h"
#include "pmu/svm.h"
#include "pmu/vmcb.h"

/* Least recently used by time stamps, to check the one by order against. */
struct stamps {
    uint64_t line[8][4], used[8][4], clock;
};

static bool stamps_access(struct stamps *s, uint64_t line)
{
    unsigned set = line % 8, oldest = 0;
    s->clock++;
    for (unsigned w = 0; w < 4; w++) {
        if (s->used[set][w] && s->line[set][w] == line) {
            s->used[set][w] = s->clock;
            return true;
        }
        if (s->used[set][w] < s->used[set][oldest])
            oldest = w;
    }
    s->line[set][oldest] = line;
    s->used[set][oldest] = s->clock;
    return false;
}

static void test_cache_against_stamps(void **state)
{
    (void)state;
    struct rng rng;
    struct cache cache;
    struct stamps stamps = {0};
    const struct cache_shape shape = {.line_bits = 6, .sets = 8, .ways = 4};
    cache_init(&cache, &shape);
    rng_init(&rng, 5, 0);
    size_t hits = 0;
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t address = rng_below(&rng, 64 * 80);
        if (rng_below(&rng, 2))
            address &= ~UINT64_C(0xfff) | 0x3f;
        bool expected = stamps_access(&stamps, address >> 6);
        assert_int_equal(cache_access(&cache, address), expected);
        hits += expected;
    }
    assert_in_range(hits, 10000, 49000);
    cache_clear(&cache);
    assert_false(cache_access(&cache, 0));
    assert_true(cache_access(&cache, 63));
    cache_done(&cache);
}

static void test_cache_shapes(void **state)
{
    (void)state;
    static const struct cache_shape bad[] = {
        {.line_bits = 6, .sets = 0, .ways = 1},  {.line_bits = 6, .sets = 3, .ways = 1},
        {.line_bits = 6, .sets = 4, .ways = 0},  {.line_bits = 6, .sets = 4, .ways = 65},
        {.line_bits = 31, .sets = 4, .ways = 1}, {.line_bits = 6, .sets = 1u << 21, .ways = 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cache_shape_is_valid(&bad[i]));
    assert_true(cache_shape_is_valid(&(struct cache_shape){6, 64, 8}));
}

/* Loop of n iterations: once the history holds the loop, only what it cannot hold is missed. */
static void test_predictor(void **state)
{
    (void)state;
    struct predictor predictor = {0};
    unsigned misses = 0;
    for (unsigned i = 0; i < 4000; i++)
        misses += predictor_resolve(&predictor, 0x401000, i % 5 != 4, true);
    assert_in_range(misses, 1, 60);
    struct rng rng;
    rng_init(&rng, 1, 0);
    misses = 0;
    for (unsigned i = 0; i < 4000; i++)
        misses += predictor_resolve(&predictor, 0x402000, rng_below(&rng, 2), true);
    assert_in_range(misses, 1700, 2300);
}

static void test_lvt(void **state)
{
    (void)state;
    uint8_t vector = 0;
    assert_int_equal(pmu_lvt_decode(PMU_LVT_MASKED | 0x400, &vector), PMU_LVT_NOTHING);
    assert_int_equal(pmu_lvt_decode(0x400, &vector), PMU_LVT_NMI);
    assert_int_equal(pmu_lvt_decode(0xee, &vector), PMU_LVT_FIXED);
    assert_int_equal(vector, 0xee);
    assert_int_equal(pmu_lvt_decode(0x0f, &vector), PMU_LVT_NOTHING);
    assert_int_equal(pmu_lvt_decode(0x7ee, &vector), PMU_LVT_NOTHING);
    assert_int_equal(pmu_lvt_injection(PMU_LVT_NMI, 0), 0x80000202);
    assert_int_equal(pmu_lvt_injection(PMU_LVT_FIXED, 0xee), 0x800000ee);
    assert_int_equal(pmu_lvt_injection(PMU_LVT_NOTHING, 0xee), 0);
}

static void test_permission_map(void **state)
{
    (void)state;
    uint32_t byte;
    unsigned bit;
    assert_true(svm_msr_map_bit(0x174, &byte, &bit));
    assert_int_equal(byte, 0x174 / 4);
    assert_int_equal(bit, 0);
    assert_true(svm_msr_map_bit(0xC0000301, &byte, &bit));
    assert_int_equal(byte, 0x800 + 0xC0);
    assert_int_equal(bit, 2);
    assert_true(svm_msr_map_bit(0xC0010207, &byte, &bit));
    assert_int_equal(byte, 0x1000 + 0x81);
    assert_int_equal(bit, 6);
    assert_true(svm_msr_map_bit(0xC0011fff, &byte, &bit));
    assert_int_equal(byte, 0x17ff);
    assert_false(svm_msr_map_bit(0x2000, &byte, &bit));
    assert_false(svm_msr_map_bit(0xC0012000, &byte, &bit));
    assert_false(svm_msr_map_bit(0xffffffff, &byte, &bit));
    assert_true(svm_intercepts_msr(1u << 28));
    assert_true(svm_intercepts_rdpmc(1u << 15));
    assert_false(svm_intercepts_rdpmc(~(1u << 15)));
}

static void test_cut_instructions(void **state)
{
    (void)state;
    assert_false(svm_exit_cuts_instruction(0x60, 0)); /* INTR */
    assert_false(svm_exit_cuts_instruction(0x64, 0)); /* VINTR */
    assert_true(svm_exit_cuts_instruction(0x72, 0));  /* CPUID */
    assert_true(svm_exit_cuts_instruction(0x400, 0)); /* nested page fault of data */
    assert_false(svm_exit_cuts_instruction(0x400, 0x10));
    assert_true(svm_exit_cuts_instruction(0x4e, 2));
}

/* Offsets as in appendix B, spelled out. */
static void test_save_area_layout(void **state)
{
    (void)state;
    uint8_t page[PMU_VMCB_BYTES] = {0};
    struct pmu_registers registers, back;
    for (unsigned i = 0; i < 6; i++) {
        registers.select[i] = 0x100 + i;
        registers.counter[i] = 0x200 + i;
    }
    registers.retired = 0x300;
    registers.global_status = 0x301;
    registers.global_control = 0x302;
    pmu_vmcb_store_registers(page, &registers);
    assert_int_equal(pmu_vmcb_read64(page, 0x4E0), 0x100);
    assert_int_equal(pmu_vmcb_read64(page, 0x4E8), 0x200);
    assert_int_equal(pmu_vmcb_read64(page, 0x530), 0x105);
    assert_int_equal(pmu_vmcb_read64(page, 0x538), 0x205);
    assert_int_equal(pmu_vmcb_read64(page, 0x5C0), 0x300);
    assert_int_equal(pmu_vmcb_read64(page, 0x5C8), 0x301);
    assert_int_equal(pmu_vmcb_read64(page, 0x5D0), 0x302);
    pmu_vmcb_load_registers(page, &back);
    assert_memory_equal(&back, &registers, sizeof(back));
}

static void test_block(void **state)
{
    (void)state;
    static uint8_t page[PMU_VMCB_BYTES];
    struct pmu_guest guest, back = {.runs = 77};
    assert_false(pmu_vmcb_load_block(page, 0x5000, 0x3f, &back));
    assert_int_equal(back.runs, 77);
    pmu_guest_reset(&guest, 0x3f);
    guest.registers.counter[5] = 12345;
    guest.pmi_pending = true;
    guest.totals[1][PMU_EVENT_COUNT - 1] = 99;
    guest.runs = 3;
    pmu_vmcb_store_block(page, 0x5000, &guest);
    for (size_t i = 0; i < sizeof(page); i++)
        if (i < 0xE00 || i >= 0xE00 + PMU_VMCB_BLOCK_BYTES)
            assert_int_equal(page[i], 0);
    assert_true(pmu_vmcb_load_block(page, 0x5000, 0x3f, &back));
    assert_memory_equal(&back.registers, &guest.registers, sizeof(back.registers));
    assert_int_equal(back.lvtpc, PMU_LVT_MASKED);
    assert_true(back.pmi_pending);
    assert_int_equal(back.totals[1][PMU_EVENT_COUNT - 1], 99);
    assert_int_equal(back.runs, 3);
    assert_false(pmu_vmcb_load_block(page, 0x6000, 0x3f, &back)); /* a copy is another VM */
    memset(page + 0xE10, 0xff, 0x80);
    assert_true(pmu_vmcb_load_block(page, 0x5000, 0x3f, &back));
    assert_int_equal(back.registers.select[0], pmu_select_writable());
    assert_int_equal(back.registers.counter[0], PMU_COUNTER_MASK);
    assert_int_equal(back.registers.global_control, 0x3f);
}

/* As KVM injects a timer's interrupt into a guest that takes it. */
static struct injection make_injection(void)
{
    return (struct injection){.event = 0x800000ec,
                              .control = UINT64_C(0x5501000000),
                              .flags = 0x202,
                              .intercepts = 0x10000011};
}

static void test_injection_becomes_virtual(void **state)
{
    (void)state;
    struct injection own = make_injection();
    assert_true(injection_is_interrupt(own.event));
    assert_false(injection_is_interrupt(0x000000ec));
    assert_false(injection_is_interrupt(0x80000b0e)); /* a page fault */
    assert_true(injection_fits(&own));
    struct injection other = injection_replace(&own);
    assert_int_equal(other.event, 0);
    assert_int_equal(other.control, UINT64_C(0xec011f0100));
    assert_int_equal(other.intercepts, 0x10000001);
    assert_true(injection_is_pending(other.control));
    uint64_t delivered = (other.control & ~UINT64_C(0x100)) | 7; /* the guest has written CR8 */
    assert_false(injection_is_pending(delivered));
    assert_int_equal(injection_restore(&own, delivered), own.control | 7);
}

static void test_injection_that_stays(void **state)
{
    (void)state;
    struct injection masked = make_injection(), shadow = masked, used = masked, returned = masked;
    masked.flags = 2;
    shadow.shadow = 1;
    used.control |= 1 << 8;
    returned.exit_interrupt = returned.event;
    assert_false(injection_fits(&masked));
    assert_false(injection_fits(&shadow));
    assert_false(injection_fits(&used));
    assert_false(injection_fits(&returned));
}

static void test_injections_owed(void **state)
{
    (void)state;
    struct injection_owed owed = {0};
    assert_int_equal(injection_due(&owed), 0);
    injection_owe(&owed, 0x80000000 | 0x30);
    injection_owe(&owed, 0x80000000 | 0xec);
    injection_owe(&owed, 0x80000000);
    injection_owe(&owed, 0x80000000 | 0xec); /* the same interrupt twice is one, as in an APIC */
    static const uint64_t order[] = {0x800000ec, 0x80000030, 0x80000000};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_int_equal(injection_due(&owed), order[i]);
        injection_settle(&owed, order[i]);
    }
    assert_int_equal(injection_due(&owed), 0);
}

/* The hypervisor waits for an interrupt window, and injects an exception: both stay. */
static void test_injection_due_replaces(void **state)
{
    (void)state;
    struct injection own = make_injection();
    own.control |= 0x100;
    own.intercepts |= 0x10;
    struct injection other = injection_replace_by_due(&own, 0x80000030);
    assert_int_equal(other.event, 0);
    assert_int_equal(other.control >> 32 & 0xff, 0x30);
    assert_int_equal(other.intercepts & 0x10, 0);
    assert_int_equal(injection_restore(&own, other.control & ~UINT64_C(0x100)), own.control);
    own.event = 0x80000b0e;
    other = injection_replace_by_due(&own, 0x80000030);
    assert_int_equal(other.event, 0x80000b0e);
    assert_true(injection_is_pending(other.control));
    assert_true(injection_is_of_due(0x800003ec, 0x800000ec));
    assert_false(injection_is_of_due(0x80000b0e, 0x800000ec));
    assert_false(injection_is_of_due(0x000003ec, 0x800000ec));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_against_stamps),
        cmocka_unit_test(test_cache_shapes),
        cmocka_unit_test(test_predictor),
        cmocka_unit_test(test_lvt),
        cmocka_unit_test(test_permission_map),
        cmocka_unit_test(test_cut_instructions),
        cmocka_unit_test(test_save_area_layout),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_injection_becomes_virtual),
        cmocka_unit_test(test_injection_that_stays),
        cmocka_unit_test(test_injections_owed),
        cmocka_unit_test(test_injection_due_replaces),
    };
    return cmocka_run_group_tests_name("pmu-parts", tests, NULL, NULL);
}
