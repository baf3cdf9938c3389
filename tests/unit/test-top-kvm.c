/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VM exits of the probe in vtax top: which sum becomes what, and what is shown of two readings.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "probe/exit_reason.h"
#include "top/column.h"
#include "top/json.h"
#include "top/kvm.h"
#include "top/model.h"
#include "kvm-directory.h"

#define S UINT64_C(1000000000)

/* The reading k of a machine with an AMD processor: exits for nested page faults that take time in
 * the kernel, I/O that takes it in user space, and HLT that sleeps. */
static void add_machine(struct snapshot *snapshot, uint64_t k)
{
    const struct exits_key npf = {7, EXIT_ISA_AMD, 0x400}, io = {7, EXIT_ISA_AMD, 0x7b},
                           hlt = {7, EXIT_ISA_AMD, 0x78}, unknown = {7, EXIT_ISA_AMD, 0x9999};
    struct exits_sum sum = {
        .count = 1000 * k, .kernel_ns = S / 100 * k, .buckets = {[13] = 1000 * k}};
    struct vm *vm = snapshot_add(snapshot);
    vm->name = mem_strdup("vm");
    vm->pid = 7;
    vm->time_ns = (1 + k) * S;
    vm->vcpu_count = 1;
    vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] = figure_of(0);
    snapshot->host.time_ns = vm->time_ns;
    kvm_take_sum(vm, &npf, &sum);
    sum = (struct exits_sum){.count = 50 + 100 * k,
                             .kernel_ns = 1000 + S / 50 * k,
                             .user_ns = 5 + S / 20 * k,
                             .off_ns = S / 100 * k,
                             .buckets = {[0] = 50, [19] = 100 * k}};
    kvm_take_sum(vm, &io, &sum);
    sum = (struct exits_sum){.count = 2 * k, .off_ns = S / 2 * k, .buckets = {[31] = 2 * k}};
    kvm_take_sum(vm, &hlt, &sum);
    sum = (struct exits_sum){.count = 1 * k, .buckets = {[1] = 1 * k}};
    kvm_take_sum(vm, &unknown, &sum);
}

static void test_sums_become_reasons(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    add_machine(&snapshot, 1);
    const struct vm *vm = &snapshot.vms[0];
    assert_int_equal(vm->reason_count, 4);
    assert_string_equal(vm->reasons[0].name, "npf");
    assert_string_equal(vm->reasons[3].name, "0x9999");
    /* Whole and parts are of the same source. */
    assert_int_equal(vm->figures[FIGURE_EXITS].value, 1000 + 150 + 2 + 1);
    assert_int_equal(vm->figures[FIGURE_EXIT_TIME].value,
                     S / 100 + S / 50 + 1000 + S / 20 + 5 + S / 100 + S / 2);
    assert_int_equal(vm->reasons[1].time.value, S / 50 + 1000 + S / 20 + 5 + S / 100);
    /* 2^i .. 2^(i+1)-1 ns are below 2^(i+1). */
    assert_int_equal(vm->reasons[0].buckets[13], 0);
    assert_int_equal(vm->reasons[0].buckets[14], 1000);
    assert_int_equal(vm->reasons[1].buckets[1], 50);
    assert_int_equal(vm->reasons[2].buckets[EXIT_BUCKETS - 1], 2);
    for (size_t i = 0; i < vm->reason_count; i++) {
        uint64_t sum = 0;
        for (size_t j = 0; j < EXIT_BUCKETS; j++)
            sum += vm->reasons[i].buckets[j];
        assert_int_equal(sum, vm->reasons[i].count);
    }
}

static void test_the_worst_are_those_with_most_time(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    char text[COLUMN_REASONS_MAX];
    const struct top_options options = {.sort = VALUE_EXITS};
    add_machine(&before, 0);
    add_machine(&after, 1);
    top_compare(&before, &after, &options, &top);
    const struct top_row *row = &top.rows[1];
    assert_true(row->values[VALUE_EXITS].value == 1103);
    assert_true(row->values[VALUE_EXIT_TIME].value > 0.589 &&
                row->values[VALUE_EXIT_TIME].value < 0.591);
    assert_string_equal(column_format_reasons(row, 99, text),
                        "hlt 2 50%, io 100 8.0%, npf 1.0k 1.0%");
    /* Those that do not fit are left out whole; the worst never is. */
    assert_string_equal(column_format_reasons(row, 30, text), "hlt 2 50%, io 100 8.0%");
    assert_string_equal(column_format_reasons(row, 12, text), "hlt 2 50%");
    assert_string_equal(column_format_reasons(row, 3, text), "hlt 2 50%");
    CLEANUP_FREE char *line = json_format(&top, &after, S);
    assert_non_null(strstr(line, "\"reason\":\"npf\",\"per_s\":1000.0,\"time\":0.01,"
                                 "\"histogram_ns\":[[16384,1000]]"));
    assert_non_null(strstr(line, "\"reason\":\"hlt\",\"per_s\":2.0,\"time\":0.5,"
                                 "\"histogram_ns\":[[null,2]]"));
}

static void test_counts_that_go_back(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_EXITS};
    add_machine(&before, 5);
    add_machine(&after, 1);
    after.vms[0].time_ns = before.vms[0].time_ns + S;
    top_compare(&before, &after, &options, &top);
    assert_string_equal(top.rows[1].values[VALUE_EXITS].missing, "the count went back");
    assert_string_equal(top.rows[1].values[VALUE_EXIT_TIME].missing, "the count went back");
    assert_int_equal(top.rows[1].reason_count, 0);
}

/* Neither BPF nor debugfs: each source that was tried is named with what it lacks. */
static void read_without(enum kvm_source source, const char *const *parts)
{
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    static const struct exits_points nowhere = {
        .exit = "kvm/none", .reason = "x", .isa = "x", .user = "kvm/none", .entry = "kvm/none"};
    struct vm_process process = {.pid = 1 << 30}; /* of nobody */
    struct vm *vm = snapshot_add(&snapshot);
    vm->kind = VM_KVM;
    vm->pid = process.pid;
    struct kvm *kvm = kvm_open("/nowhere", source, &nowhere);
    kvm_look(kvm);
    assert_false(kvm_has(kvm, process.pid));
    kvm_read(kvm, &process, 1, &snapshot);
    for (; *parts; parts++)
        if (!vm->figures[FIGURE_EXITS].missing ||
            !strstr(vm->figures[FIGURE_EXITS].missing, *parts))
            fail_msg("'%s' is not in '%s'", *parts, vm->figures[FIGURE_EXITS].missing);
    assert_non_null(vm->figures[FIGURE_EXIT_TIME].missing);
    assert_null(vm->exit_source);
    assert_true((source == KVM_AUTO) == (snapshot.notes[0] != NULL));
    if (source == KVM_AUTO)
        assert_non_null(strstr(snapshot.notes[0], "exits are not counted: "));
    vm_process_done(&process);
    kvm_close(kvm);
}

static void test_absent_sources_are_named(void **state)
{
    (void)state;
    read_without(KVM_AUTO,
                 (const char *const[]){"trace", "; ", "KVM's statistics", "debugfs", NULL});
    read_without(KVM_BPF, (const char *const[]){"trace", NULL});
    read_without(KVM_TRACEFS, (const char *const[]){"trace", NULL});
    read_without(KVM_STATS, (const char *const[]){"KVM's statistics", NULL});
    read_without(KVM_DEBUGFS, (const char *const[]){"mount -t debugfs", NULL});
    read_without(KVM_NONE, (const char *const[]){"--exits", NULL});
}

static void put_exits(const char *root, pid_t pid)
{
    CLEANUP_FREE char *directories = mem_printf("%s/kernel/debug/kvm", root);
    CLEANUP_FREE char *machine = mem_printf("%d-9", (int)pid);
    kvm_directory_put(directories, machine, "exits", "700\n");
}

/* No BPF: the note says whose counts there are and why no better ones. */
static void test_note_of_the_source(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    static const struct exits_points nowhere = {
        .exit = "kvm/none", .reason = "x", .isa = "x", .user = "kvm/none", .entry = "kvm/none"};
    struct vm_process process = {.pid = 1 << 30};
    char root[] = "/tmp/vtax-top-kvm-XXXXXX";
    assert_non_null(mkdtemp(root));
    put_exits(root, process.pid);
    struct vm *vm = snapshot_add(&snapshot);
    vm->kind = VM_KVM;
    vm->pid = process.pid;
    struct kvm *kvm = kvm_open(root, KVM_AUTO, &nowhere);
    kvm_look(kvm);
    kvm_read(kvm, &process, 1, &snapshot);
    assert_int_equal(vm->figures[FIGURE_EXITS].value, 700);
    assert_string_equal(vm->exit_source, "debugfs");
    assert_non_null(strstr(snapshot.notes[0], "exits are as KVM itself counts them, without time"));
    vm_process_done(&process);
    kvm_close(kvm);
    assert_int_equal(file_remove_tree(root, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_become_reasons),
        cmocka_unit_test(test_the_worst_are_those_with_most_time),
        cmocka_unit_test(test_counts_that_go_back),
        cmocka_unit_test(test_absent_sources_are_named),
        cmocka_unit_test(test_note_of_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
