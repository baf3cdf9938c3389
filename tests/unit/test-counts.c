/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "base/mem.h"
#include "probe/counts.h"

static double find(const struct counts_figure *figures, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].value;
    return -1;
}

/* Where no plugin counts, the instruction does nothing and nothing is claimed. */
static void test_nothing_counts_here(void **state)
{
    (void)state;
    struct tally tally;
    assert_false(counts_read(&tally));
    assert_int_equal(tally.magic, 0);
}

static void test_exit_codes_have_places(void **state)
{
    (void)state;
    static const uint64_t codes[] = {
        0,     0x78,      0xff, 0x400, 0x403, 0x400 | EXIT_FOR_DEVICE, 0x7c | EXIT_FOR_APIC,
        0x404, UINT64_MAX};
    static const unsigned places[] = {0, 0x78, 0xff, 256, 259, 260, 261, 262, 262};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_int_equal(tally_exit_index(codes[i]), places[i]);
    for (unsigned i = 0; i < TALLY_EXITS - 1; i++)
        assert_int_equal(tally_exit_index(tally_exit_code(i)), i);
    assert_int_equal(tally_exit_index(tally_exit_code(TALLY_EXITS - 1)), TALLY_EXITS - 1);
}

static void test_intervals_add_up(void **state)
{
    (void)state;
    struct tally sum = {0}, before = {0}, after = {0};
    before.instructions[TALLY_GUEST_USER] = 100;
    after.instructions[TALLY_GUEST_USER] = 350;
    before.exits[0x78] = 5;
    after.exits[0x78] = 9;
    before.after_exits[0x78][TALLY_HOST_USER] = 20;
    after.after_exits[0x78][TALLY_HOST_USER] = 50;
    after.entries = 3;
    counts_add(&sum, &before, &after);
    counts_add(&sum, &before, &after);
    assert_int_equal(sum.instructions[TALLY_GUEST_USER], 500);
    assert_int_equal(sum.exits[0x78], 8);
    assert_int_equal(sum.after_exits[0x78][TALLY_HOST_USER], 60);
    assert_int_equal(sum.after_exits[0x78][TALLY_HOST_KERNEL], 0);
    assert_int_equal(sum.entries, 6);
}

static void test_parts_sum_to_the_whole(void **state)
{
    (void)state;
    struct tally tally = {.entries = TALLY_EXITS};
    struct counts_figure figures[COUNTS_FIGURES_MAX];
    for (unsigned i = 0; i < TALLY_MODES; i++)
        tally.instructions[i] = 1000u << i;
    for (unsigned i = 0; i < TALLY_EXITS; i++)
        tally.exits[i] = 1;
    unsigned count = counts_figures(&tally, figures);
    assert_true(count <= COUNTS_FIGURES_MAX);
    double instructions = 0, exits = 0;
    for (unsigned i = 0; i < count; i++) {
        if (strncmp(figures[i].name, "instructions.", 13) == 0)
            instructions += figures[i].value;
        if (strncmp(figures[i].name, "exits.", 6) == 0)
            exits += figures[i].value;
    }
    assert_true(instructions == 15000 && find(figures, count, "instructions") == 15000);
    assert_true(exits == TALLY_EXITS && find(figures, count, "exits") == TALLY_EXITS);
    assert_true(find(figures, count, "world_switches") == 2 * TALLY_EXITS);
    assert_true(find(figures, count, "instructions.guest-user") == 8000);
}

/* A reason has its own name before that of the group around it. */
static void test_reasons(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct counts_figure figures[COUNTS_FIGURES_MAX];
    tally.exits[0x4e] = 3;
    tally.exits[0x4d] = 2;
    tally.exits[tally_exit_index(0x400)] = 7;
    tally.exits[tally_exit_index(0x400 | EXIT_FOR_DEVICE)] = 8;
    tally.exits[tally_exit_index(0x7c | EXIT_FOR_APIC)] = 9;
    unsigned count = counts_figures(&tally, figures);
    assert_true(find(figures, count, "exits.page-fault") == 3);
    assert_true(find(figures, count, "exits.exception") == 2);
    assert_true(find(figures, count, "exits.npf") == 7);
    assert_true(find(figures, count, "exits.npf-mmio") == 8);
    assert_true(find(figures, count, "exits.msr-apic") == 9);
    assert_true(find(figures, count, "exits.hlt") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_counts_here),
        cmocka_unit_test(test_exit_codes_have_places),
        cmocka_unit_test(test_intervals_add_up),
        cmocka_unit_test(test_parts_sum_to_the_whole),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
