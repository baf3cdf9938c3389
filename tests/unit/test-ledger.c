/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pmu/ledger.h"

static struct ledger *make(void)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    ledger->magic = LEDGER_MAGIC;
    ledger->cpus = 2;
    ledger->vms = 3;
    ledger->penalty[PMU_INSTRUCTIONS] = 1;
    ledger->penalty[PMU_LLC_MISSES] = 150;
    ledger->uncounted = 1u << PMU_LOADS;
    ledger->vm[1] = (struct ledger_vm){.nested_cr3 = 0x1000, .vcpus = 2};
    for (unsigned cpu = 0; cpu < 2; cpu++)
        for (unsigned vm = 0; vm < 3; vm++) {
            struct ledger_row *row = &ledger->cpu[cpu].rows[vm];
            row->events[0][PMU_INSTRUCTIONS] = 100 * vm + cpu;
            row->events[1][PMU_LLC_MISSES] = vm;
            row->runs = 10 * vm;
            row->exits[0x72] = (struct ledger_exit){.count = vm, .instructions = {7, 8}};
            ledger->cpu[cpu].machine[0][PMU_INSTRUCTIONS] += 100 * vm + cpu;
        }
    ledger->cpu[1].accesses.msr_writes[1] = 9;
    return ledger;
}

static void test_copy_sums_cpus(void **state)
{
    (void)state;
    struct ledger *ledger = make();
    struct ledger_view *view = calloc(1, sizeof(*view));
    assert_true(ledger_copy(ledger, view));
    assert_int_equal(view->vms, 3);
    assert_int_equal(view->rows[2].events[0][PMU_INSTRUCTIONS], 401);
    assert_int_equal(view->rows[2].runs, 40);
    assert_int_equal(view->rows[1].exits[0x72].count, 2);
    assert_int_equal(view->rows[1].exits[0x72].instructions[1], 16);
    assert_int_equal(view->machine[0][PMU_INSTRUCTIONS], 603);
    assert_int_equal(view->accesses.msr_writes[1], 9);
    assert_int_equal(ledger_cycles(view, view->rows[2].events[1]), 600);
    assert_false(ledger_is_counted(view, PMU_LOADS));
    assert_true(ledger_is_counted(view, PMU_LLC_MISSES));
    free(view);
    free(ledger);
}

static void test_copy_refuses(void **state)
{
    (void)state;
    struct ledger *ledger = make();
    struct ledger_view *view = calloc(1, sizeof(*view));
    ledger->cpu[1].sequence = 1; /* being written, for ever */
    assert_false(ledger_copy(ledger, view));
    ledger->cpu[1].sequence = 2;
    assert_true(ledger_copy(ledger, view));
    ledger->vms = LEDGER_VMS + 1;
    assert_false(ledger_copy(ledger, view));
    ledger->vms = 0;
    assert_false(ledger_copy(ledger, view));
    ledger->vms = 3;
    ledger->cpus = LEDGER_CPUS + 1;
    assert_false(ledger_copy(ledger, view));
    ledger->cpus = 2;
    ledger->magic++;
    assert_false(ledger_copy(ledger, view));
    free(view);
    free(ledger);
}

static uint64_t read_ok(const struct ledger_view *view, unsigned vm, unsigned item)
{
    uint64_t value = 0;
    assert_true(ledger_read_msr(view, ledger_msr(vm, item), &value));
    return value;
}

static void test_registers(void **state)
{
    (void)state;
    struct ledger *ledger = make();
    struct ledger_view *view = calloc(1, sizeof(*view));
    uint64_t value;
    assert_true(ledger_copy(ledger, view));
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_MAGIC), LEDGER_MAGIC);
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_VMS), 3);
    assert_int_equal(read_ok(view, 1, LEDGER_ITEM_MAGIC), 0x1000);
    assert_int_equal(read_ok(view, 1, LEDGER_ITEM_VMS), 2);
    assert_int_equal(read_ok(view, 2, LEDGER_ITEM_KERNEL + PMU_INSTRUCTIONS), 401);
    assert_int_equal(read_ok(view, 2, LEDGER_ITEM_USER + PMU_LLC_MISSES), 4);
    assert_int_equal(read_ok(view, 2, LEDGER_ITEM_RUNS), 40);
    assert_int_equal(read_ok(view, 1, LEDGER_ITEM_EXIT_COUNT + 0x72), 2);
    assert_int_equal(read_ok(view, 1, LEDGER_ITEM_EXIT_KERNEL + 0x72), 14);
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_MACHINE_KERNEL + PMU_INSTRUCTIONS), 603);
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_PENALTY + PMU_LLC_MISSES), 150);
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_ACCESS + 3), 9);
    assert_int_equal(read_ok(view, 0, LEDGER_ITEM_UNCOUNTED), 1u << PMU_LOADS);
    assert_false(ledger_read_msr(view, ledger_msr(1, LEDGER_ITEM_UNCOUNTED), &value));
    assert_false(ledger_read_msr(view, ledger_msr(3, LEDGER_ITEM_RUNS), &value));
    assert_false(ledger_read_msr(view, ledger_msr(1, 0xfff), &value));
    assert_false(ledger_read_msr(view, ledger_msr(1, LEDGER_ITEM_MACHINE_KERNEL), &value));
    assert_false(ledger_is_msr(LEDGER_MSR - 1));
    assert_false(ledger_is_msr(LEDGER_MSR + (LEDGER_VMS << 12)));
    free(view);
    free(ledger);
}

/* Every number in the range lies outside of what a permission map covers. */
static void test_range_is_out_of_maps(void **state)
{
    (void)state;
    assert_true(LEDGER_MSR >= 0x2000 && LEDGER_MSR + (LEDGER_VMS << 12) <= 0xC0000000);
}

static void test_exits(void **state)
{
    (void)state;
    char text[24];
    assert_int_equal(ledger_exit_slot(0x72), 0x72);
    assert_string_equal(ledger_exit_name(ledger_exit_slot(0x400), text), "nested fault");
    assert_string_equal(ledger_exit_name(ledger_exit_slot(UINT64_MAX), text), "invalid");
    assert_string_equal(ledger_exit_name(ledger_exit_slot(UINT64_MAX - 3), text), "invalid PMC");
    assert_string_equal(ledger_exit_name(ledger_exit_slot(0x12345), text), "other");
    assert_string_equal(ledger_exit_name(ledger_exit_slot(0x45), text), "exit 045h");
    for (uint64_t code = 0; code < 0x1000; code++)
        assert_true(ledger_exit_slot(code) < LEDGER_EXITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_sums_cpus), cmocka_unit_test(test_copy_refuses),
        cmocka_unit_test(test_registers),      cmocka_unit_test(test_range_is_out_of_maps),
        cmocka_unit_test(test_exits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
