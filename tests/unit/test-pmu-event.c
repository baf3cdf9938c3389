/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "pmu/event.h"
#include "pmu/registers.h"

static const struct pmu_cycle_model cycles = {
    .penalty = {[PMU_INSTRUCTIONS] = 2, [PMU_LLC_MISSES] = 100}};

/* The value of a mix when basic event i happened 1000 + i times. */
static int64_t value_of(const struct pmu_mix *mix)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < mix->terms; i++)
        sum += mix->term[i].weight * (1000 + (int64_t)mix->term[i].event);
    return sum;
}

enum {
    INSTRUCTIONS = 1000 + PMU_INSTRUCTIONS,
    CYCLES = 2 * INSTRUCTIONS + 100 * (1000 + PMU_LLC_MISSES),
    LOADS = 1000 + PMU_LOADS,
    STORES = 1000 + PMU_STORES,
};

/* Selects as Linux' tables for family 10h and 17h hold them. */
static void test_codes(void **state)
{
    (void)state;
    static const struct {
        uint64_t select;
        int64_t expected; /* 0: not known */
    } rows[] = {
        {0x00c0, INSTRUCTIONS},
        {0x0076, CYCLES},
        {0x00c2, 1000 + PMU_BRANCHES},
        {0x00c3, 1000 + PMU_BRANCH_MISSES},
        {0x0040, LOADS + STORES},
        {0x0129, LOADS},
        {0x0229, STORES},
        {0x0729, LOADS + STORES},
        {0x0041, 1000 + PMU_L1D_MISSES},
        {0xc860, 1000 + PMU_L1D_MISSES},
        {0x1060, 1000 + PMU_L1I_MISSES},
        {0xff60, 2000 + PMU_L1D_MISSES + PMU_L1I_MISSES},
        {0x0964, 1000 + PMU_LLC_MISSES},
        {0x0664, 0},
        {0x077d, 1000 + PMU_LLC_REFERENCES},
        {0x077e, 1000 + PMU_LLC_MISSES},
        {0x0080, 1000 + PMU_L1I_REFERENCES},
        {0x0746, 1000 + PMU_DTLB_MISSES},
        {0xff45, 1000 + PMU_DTLB_MISSES},
        {0x0385, 1000 + PMU_ITLB_MISSES},
        {0x00d0, 0},
        {UINT64_C(0x1000000c0), 0}, /* event 1c0h */
        {0x00c0 | PMU_SELECT_EDGE, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pmu_mix mix;
        bool known = pmu_event_resolve(rows[i].select, &cycles, &mix);
        assert_int_equal(known, rows[i].expected != 0);
        assert_int_equal(value_of(&mix), rows[i].expected);
    }
}

static uint64_t masked(uint64_t code, uint64_t least, bool invert)
{
    return code | least << 24 | (invert ? PMU_SELECT_INVERT : 0);
}

static void test_counter_mask(void **state)
{
    (void)state;
    static const struct {
        uint64_t code, least;
        bool invert, known;
        int64_t expected;
    } rows[] = {
        {0xc0, 1, false, true, INSTRUCTIONS},
        {0xc0, 2, false, true, 0},
        {0xc0, 1, true, true, CYCLES - INSTRUCTIONS}, /* cycles in which nothing retired */
        {0xc0, 2, true, true, CYCLES},
        {0x76, 1, false, true, CYCLES},
        {0x76, 1, true, true, 0},
        {0x40, 1, false, false, 0}, /* two accesses an instruction: not answered */
        {0xc0, 0, true, true, INSTRUCTIONS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pmu_mix mix;
        uint64_t select = masked(rows[i].code, rows[i].least, rows[i].invert);
        assert_int_equal(pmu_event_resolve(select, &cycles, &mix), rows[i].known);
        assert_int_equal(value_of(&mix), rows[i].expected);
    }
}

static void test_rate(void **state)
{
    (void)state;
    struct pmu_mix mix;
    assert_true(pmu_event_resolve(0xc0, &cycles, &mix));
    assert_int_equal(pmu_mix_rate(&mix), 1);
    assert_true(pmu_event_resolve(0x76, &cycles, &mix));
    assert_true(pmu_mix_rate(&mix) >= 102);
    struct pmu_mix empty = {0};
    assert_int_equal(pmu_mix_rate(&empty), 1);
}

static void test_names_differ(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(pmu_event_name(i), pmu_event_name(j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_counter_mask),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_names_differ),
    };
    return cmocka_run_group_tests_name("pmu-event", tests, NULL, NULL);
}
