/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "top/column.h"
#include "top/counters.h"
#include "top/json.h"
#include "top/model.h"
#include "top/text.h"

#define S UINT64_C(1000000000)

static struct vm *add(struct snapshot *snapshot, const char *name, pid_t pid, uint64_t time_ns)
{
    struct vm *vm = snapshot_add(snapshot);
    vm->name = mem_strdup(name);
    vm->pid = pid;
    vm->identity = 1;
    vm->time_ns = time_ns;
    vm->vcpu_count = 2;
    return vm;
}

static void set(struct vm *vm, enum figure_id id, uint64_t value)
{
    vm->figures[id] = figure_of(value);
}

/* Two machines that were there before and one that is new, over two seconds. */
static void make(struct snapshot *before, struct snapshot *after)
{
    static const char reason[] = "a reason";
    before->host = (struct host_sample){.time_ns = S, .cpus = 4, .busy = figure_of(0)};
    after->host = (struct host_sample){.time_ns = 3 * S, .cpus = 4, .busy = figure_of(6 * S)};
    before->host.wait = after->host.wait = figure_missing(reason);
    before->host.steal = figure_of(0);
    after->host.steal = figure_of(S);
    for (int i = 0; i < 2; i++) {
        struct snapshot *snapshot = i ? after : before;
        uint64_t k = (uint64_t)i;
        struct vm *vm = add(snapshot, "slow", 10, (1 + 2 * k) * S);
        set(vm, FIGURE_CPU, 7 + k * S);
        set(vm, FIGURE_GUEST, k * S / 4);
        vm->figures[FIGURE_EXITS] = figure_missing(reason);
        vm = add(snapshot, "fast", 11, (1 + 2 * k) * S);
        set(vm, FIGURE_CPU, k * 3 * S);
        set(vm, FIGURE_GUEST, k * 2 * S);
        set(vm, FIGURE_VCPU_WAIT, k * S);
        set(vm, FIGURE_STEAL, k * S / 2);
        set(vm, FIGURE_EXITS, 100 + k * 5000);
        set(vm, FIGURE_GUEST_INSTRUCTIONS, k * 300);
        set(vm, FIGURE_GUEST_CYCLES, k * 200);
        set(vm, FIGURE_READ, 1000 - k);
        const char *const names[] = {"io", "halt", "mmio", "never"};
        for (uint64_t j = 0; j < 4; j++) {
            struct vm_reason *item = vm_add_reason(vm, names[j], strlen(names[j]));
            item->count = 1000 + (j < 3 ? k * 100 * (3 - j) : 0);
            item->time = figure_of(k * (j == 1 ? S : 1000));
            item->buckets[10] = 5 + k;
        }
        struct vm_vcpu *vcpu = vm_add_vcpu(vm);
        vcpu->tid = 5;
        vcpu->cpu = 3;
        vcpu->run = figure_of(k * S);
        vcpu->wait = vcpu->guest = figure_missing(reason);
        vcpu->migrations = figure_of(k * 8);
    }
    add(after, "new", 12, 3 * S);
}

static const struct top_row *find(const struct top *top, const char *name)
{
    for (size_t i = 0; i < top->count; i++)
        if (strcmp(top_name(&top->rows[i]), name) == 0)
            return &top->rows[i];
    fail_msg("no row '%s'", name);
    return NULL;
}

static void assert_value(const struct top_row *row, enum value_id id, double value)
{
    assert_null(row->values[id].missing);
    assert_true(row->values[id].value > value - 1e-9 && row->values[id].value < value + 1e-9);
}

static void test_rates(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_CPU};
    make(&before, &after);
    top_compare(&before, &after, &options, &top);
    const struct top_row *fast = find(&top, "fast"), *slow = find(&top, "slow");
    assert_value(fast, VALUE_CPU, 1.5);
    assert_value(fast, VALUE_GUEST, 1);
    assert_value(fast, VALUE_HOST, 0.5);
    assert_value(fast, VALUE_EXITS, 2500);
    assert_value(fast, VALUE_STEAL_HOST, 0.25); /* 1 s of 2 vCPUs * 2 s */
    assert_value(fast, VALUE_STEAL_GUEST, 0.125);
    assert_value(fast, VALUE_IPC_GUEST, 1.5);
    assert_string_equal(fast->values[VALUE_READ].missing, "the count went back");
    assert_value(slow, VALUE_CPU, 0.5);
    assert_string_equal(slow->values[VALUE_EXITS].missing, "a reason");
    assert_string_equal(find(&top, "new")->values[VALUE_CPU].missing, "it was found just now");
    /* 3 CPUs were busy, 2 of them with machines. */
    assert_value(&top.rows[0], VALUE_CPU, 1);
    assert_value(&top.rows[0], VALUE_STEAL_GUEST, 0.125);
    assert_string_equal(top.rows[0].values[VALUE_WAIT].missing, "a reason");
}

static void test_reasons(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_CPU};
    char text[COLUMN_REASONS_MAX];
    make(&before, &after);
    top_compare(&before, &after, &options, &top);
    const struct top_row *fast = find(&top, "fast");
    assert_int_equal(fast->reason_count, 3); /* what did not happen is not shown */
    assert_string_equal(fast->reasons[0].reason->name, "halt");
    assert_string_equal(fast->reasons[1].reason->name, "io");
    assert_int_equal(fast->reasons[0].buckets[10], 1);
    assert_int_equal(fast->reasons[0].buckets[11], 0);
    assert_string_equal(column_format_reasons(fast, 99, text),
                        "halt 100 50%, io 150 <0.1%, mmio 50 <0.1%");
    assert_int_equal(fast->vcpu_count, 1);
    assert_true(fast->vcpus[0].migrations.value == 4);
    assert_true(fast->vcpus[0].run.value == 0.5);
    assert_string_equal(fast->vcpus[0].wait.missing, "a reason");
}

/* The names of the machines' rows in order. */
static void assert_order(const struct top_options *options, const char *expected)
{
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    CLEANUP_STRBUF struct strbuf names;
    strbuf_init(&names);
    make(&before, &after);
    top_compare(&before, &after, options, &top);
    for (size_t i = 1; i < top.count; i++)
        strbuf_addf(&names, "%s%s", i > 1 ? " " : "", top_name(&top.rows[i]));
    assert_string_equal(names.text, expected);
    assert_int_equal(top.machines, 3);
    /* The host's own processes do not grow when a machine is not shown. */
    assert_value(&top.rows[0], VALUE_CPU, 1);
}

/* KVM's own count makes estimates its parts; one that was read once tells nothing. */
static void test_estimated_exits(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    const struct top_options options = {.sort = VALUE_CPU};
    make(&before, &after);
    after.vms[1].exits_by_kvm = figure_of(7400);
    for (int i = 0; i < 2; i++) {
        CLEANUP_TOP struct top top;
        top_compare(&before, &after, &options, &top);
        const struct top_row *fast = find(&top, "fast");
        assert_value(fast, VALUE_EXITS, i ? 1200 : 2500);
        assert_near(fast->reasons[0].per_s, i ? 400 : 100, 1e-9);
        assert_near(fast->reasons[1].per_s, i ? 600 : 150, 1e-9);
        assert_near(fast->reasons[0].time.value, S / 2.0, 1e-9);
        before.vms[1].exits_by_kvm = figure_of(5000);
    }
}

static void test_order(void **state)
{
    (void)state;
    assert_order(&(struct top_options){.sort = VALUE_CPU}, "fast slow new");
    assert_order(&(struct top_options){.sort = VALUE_CPU, .reverse = true}, "slow fast new");
    assert_order(&(struct top_options){.sort = SORT_NAME}, "fast new slow");
    assert_order(&(struct top_options){.sort = SORT_NAME, .reverse = true}, "slow new fast");
    assert_order(&(struct top_options){.sort = VALUE_EXITS}, "fast new slow");
    assert_order(&(struct top_options){.sort = VALUE_CPU, .filter = "S"}, "fast slow");
    assert_order(&(struct top_options){.sort = VALUE_CPU, .filter = "fas"}, "fast");
    assert_order(&(struct top_options){.sort = VALUE_CPU, .filter = "none"}, "");
    assert_order(&(struct top_options){.sort = VALUE_CPU, .filter = "kvm"}, "fast slow new");
}

static void test_no_time(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_CPU};
    make(&after, &before); /* time runs backwards */
    top_compare(&before, &after, &options, &top);
    for (size_t i = 0; i < top.count; i++)
        assert_non_null(top.rows[i].values[VALUE_CPU].missing);
    assert_int_equal(find(&top, "fast")->reason_count, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    char text[COLUMN_TEXT_MAX];
    const struct {
        double value;
        enum value_unit unit;
        const char *text;
    } rows[] = {
        {0, VALUE_CPUS, "0.0"},       {0.004, VALUE_CPUS, "0.4"},
        {1.53, VALUE_CPUS, "153"},    {0, VALUE_PER_S, "0"},
        {0.5, VALUE_PER_S, "0.5"},    {12, VALUE_PER_S, "12"},
        {999.4, VALUE_PER_S, "999"},  {999.6, VALUE_PER_S, "1.0k"},
        {12345, VALUE_PER_S, "12k"},  {1.5e9, VALUE_BYTES_PER_S, "1.5G"},
        {1.234, VALUE_RATIO, "1.23"}, {0.5, VALUE_SHARE, "50.0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct rate rate = {.value = rows[i].value};
        assert_string_equal(column_format(&rate, rows[i].unit, text), rows[i].text);
    }
    const struct rate none = {.value = 5, .missing = "why"};
    assert_string_equal(column_format(&none, VALUE_CPUS, text), "-");
}

/* No line is wider than asked for, whatever the width; a name cannot break out. */
static void test_text(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_CPU};
    make(&before, &after);
    free(after.vms[1].name);
    after.vms[1].name = mem_strdup("\x1b[31m a very long name that does not fit into its column\n");
    snapshot_add_note(&after, "something is not seen");
    top_compare(&before, &after, &options, &top);
    for (int width = 20; width < 260; width += 3) {
        CLEANUP_STRBUF struct strbuf out;
        strbuf_init(&out);
        text_add(&top, &after, width, false, &out);
        assert_null(strchr(out.text, '\x1b'));
        char *rest = out.text;
        for (unsigned line = 0; line < 2 + top.count; line++) {
            char *row = strsep(&rest, "\n");
            assert_true(line == 0 || (int)strlen(row) <= width || width < 40);
        }
        assert_non_null(strstr(rest, "  -: exits"));
        assert_non_null(strstr(rest, "  note: something is not seen\n"));
    }
}

static void test_json(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_TOP struct top top;
    const struct top_options options = {.sort = VALUE_CPU};
    make(&before, &after);
    free(after.vms[0].name);
    after.vms[0].name = mem_strdup("wrong \xff\n");
    top_compare(&before, &after, &options, &top);
    CLEANUP_FREE char *line = json_format(&top, &after, S);
    assert_null(strchr(line, '\n'));
    assert_non_null(strstr(line, "\"exits\":2500.0"));
    assert_non_null(strstr(line, "\"exits\":null"));
    assert_non_null(strstr(line, "\"exits\":\"a reason\""));
    assert_non_null(strstr(line, "\"histogram_ns\":[[1024,1]]"));
    assert_non_null(strstr(line, "wrong \xef\xbf\xbd\\n"));
}

/* Two vCPUs into one sum: a counter that had the hardware half of the time is scaled up; one that
 * never had it adds nothing, and its time is known. */
static void test_counters(void **state)
{
    (void)state;
    struct counter_sums sums = {0};
    struct vcpu_count first = {0}, second = {.value = 50, .enabled_ns = 10, .running_ns = 10};
    const struct vcpu_count whole = {1000, 20, 20}, shared = {1500, 40, 30}, later = {150, 30, 20},
                            never = {150, 60, 20};
    counters_add(&sums, 1, &first, &whole);
    assert_int_equal(sums.values[1], 1000);
    counters_add(&sums, 1, &first, &shared);
    assert_int_equal(sums.values[1], 2000); /* 500 in 10 of 20 ns */
    assert_int_equal(first.value, 1500);
    counters_add(&sums, 1, &second, &later);
    assert_int_equal(sums.values[1], 2200);
    const struct counter_sums before = sums;
    counters_add(&sums, 1, &second, &never);
    assert_int_equal(sums.values[1], 2200);
    assert_true(counters_are_starved(&before, &sums, 1));
    assert_false(counters_are_starved(&before, &sums, 0)); /* nobody asked for it */
    assert_false(counters_are_starved(&(struct counter_sums){0}, &before, 1));
    assert_int_equal(sums.values[0] + sums.values[2] + sums.values[3], 0);
    assert_int_equal(sums.enabled_ns[1], 40 + 50);
    assert_int_equal(sums.running_ns[1], 30 + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_estimated_exits),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_no_time),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
