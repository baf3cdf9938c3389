/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <math.h>

#include "base/mem.h"
#include "explain/explanation.h"
#include "explain/reasons.h"

#define S 1000000000.0

/* A trial of one machine as probes saw it. */
static struct store_trial trial_of(const struct store_figure *figures, size_t figure_count,
                                   const struct store_figure *readings, size_t reading_count,
                                   struct store_machine *machine)
{
    return (struct store_trial){
        .machines = machine,
        .machine_count = 1,
        .figures = (struct store_figure *)figures,
        .figure_count = figure_count,
        .readings = (struct store_figure *)readings,
        .reading_count = reading_count,
    };
}
#define TRIAL(figures, readings, machine)                                                          \
    trial_of(figures, COUNT_OF(figures), readings, COUNT_OF(readings), machine)

static struct store_machine native_machine = {.host_ns = 10000000000, .guest_ns = 10000000000};
static const struct store_figure native_figures[] = {{0, "cpu_ns", 9 * S, NULL}};
static const struct store_figure native_readings[] = {
    {-1, "interval_ns", 10 * S, NULL},      {0, "process:user_ns", 8 * S, NULL},
    {0, "process:system_ns", 1 * S, NULL},  {-1, "host:cpu_total_ns", 20 * S, NULL},
    {-1, "host:cpu_idle_ns", 19 * S, NULL},
};

static struct store_machine guest_machine = {.host_ns = 20000000000, .guest_ns = 20000000000};
static const struct store_figure guest_figures[] = {
    {0, "vcpu_run_ns", 16 * S, NULL},
    {0, "vcpu_wait_ns", 2 * S, NULL},
    {0, "emulator_run_ns", 1 * S, NULL},
};
static const struct store_figure guest_readings[] = {
    {0, "exits:hlt:count", 100, NULL},
    {0, "exits:hlt:kernel_ns", 1 * S, NULL},
    {0, "exits:hlt:user_ns", 0, NULL},
    {0, "exits:hlt:off_ns", 1 * S, NULL},
    {0, "exits:npf:count", 50, NULL},
    {0, "exits:npf:kernel_ns", 0.5 * S, NULL},
    {0, "exits:io:count", 7, NULL},
    {0, "exits:io:kernel_ns", 0.25 * S, NULL},
    {0, "exits:io:user_ns", 1.5 * S, NULL},
    {0, "exits:interrupt:count", 9, NULL},
    {0, "exits:interrupt:off_ns", 2 * S, NULL},
    {0, "exits:interrupt:kernel_ns", 0.75 * S, NULL},
    {0, "exits:lost", 0, NULL},
    {0, "guest:cpu_user_ns", 8 * S, NULL},
    {0, "guest:cpu_nice_ns", 0, NULL},
    {0, "guest:cpu_system_ns", 8 * S, NULL},
    {0, "guest:cpu_irq_ns", 0, NULL},
    {0, "guest:cpu_softirq_ns", 0, NULL},
    {0, "guest:cpu_steal_ns", 1 * S, NULL},
};

static void test_budget_of_guest(void **state)
{
    (void)state;
    struct store_trial trial = TRIAL(guest_figures, guest_readings, &guest_machine);
    struct budget budget = budget_of(&trial, BUDGET_TIME);
    assert_near(budget.width, 1, 1e-12);
    assert_near(budget.run, 15 / 20.0, 1e-12); /* without halt polling */
    assert_near(budget.wait, 2 / 20.0, 1e-12);
    assert_near(budget.run + budget.wait + budget.idle, 1, 1e-12);
    assert_near(budget.exits[EXIT_IDLE], 1 / 20.0, 1e-12);
    assert_near(budget.exits[EXIT_TRANSLATION], 0.5 / 20, 1e-12);
    assert_near(budget.device, 1.5 / 20, 1e-12); /* off the CPU was waiting */
    assert_near(budget.steal, 1 / 20.0, 1e-12);
    assert_int_equal(budget.exit_count, 166);
}

static double cost(const struct explanation *explanation, enum cause cause)
{
    for (size_t i = 0; i < explanation->cause_count; i++)
        if (explanation->causes[i].cause == cause)
            return explanation->causes[i].cost.mean;
    return -1;
}

static struct explanation explain(const struct store_trial *cell, const char *kind)
{
    static struct store_trial native;
    native = TRIAL(native_figures, native_readings, &native_machine);
    const struct explanation_pair pair = {cell, &native, 2};
    return explanation_of(&pair, 1, &(struct explanation_options){.platform_kind = kind});
}

static void test_parts_and_remainder_sum_to_the_gap(void **state)
{
    (void)state;
    struct store_trial trial = TRIAL(guest_figures, guest_readings, &guest_machine);
    struct explanation explanation = explain(&trial, "kvm");
    double sum = explanation.unexplained.mean;
    for (size_t i = 0; i < explanation.cause_count; i++)
        if (isfinite(explanation.causes[i].cost.mean))
            sum += explanation.causes[i].cost.mean;
    assert_near(explanation.gap.mean, 1, 1e-12);
    assert_near(sum, 1, 1e-12);
    /* 2 s of 20 s, twice, less the 5 % in which the host had no idle CPU natively. */
    assert_near(cost(&explanation, CAUSE_WAIT), 0.2 - 0.05, 1e-12);
    assert_near(cost(&explanation, CAUSE_TRANSLATION), 0.05, 1e-12);
    assert_near(cost(&explanation, CAUSE_INTERRUPT), 0.075, 1e-12);
    assert_near(cost(&explanation, CAUSE_DEVICE), 0.025 + 0.15, 1e-12);
    /* 8 s - 3 s in exits - 1 s of waiting that it does not know, of 20 s, twice; natively 1 of 10.
     */
    assert_near(cost(&explanation, CAUSE_KERNEL), 0.4 - 0.1, 1e-12);
    assert_int_equal(explanation.unexplained.interval.state, INTERVAL_TOO_FEW);
    assert_near(cost(&explanation, CAUSE_EMULATION), -1, 0); /* KVM does not translate */
}

/* Exits in windows of time: KVM counted twice as many as were told, so there were twice as many
 * instructions in them, too. Times stay. */
static void test_exits_in_windows(void **state)
{
    (void)state;
    struct store_figure readings[] = {
        {-1, "exits:looked_ns", 9.4 * S, NULL},
        {-1, "interval_ns", 10 * S, NULL},
        {0, "kvm:exits", 300, NULL},
        {0, "exits:npf:count", 100, NULL},
        {0, "exits:npf:kernel_ns", 0.5 * S, NULL},
        {0, "exits:npf:kernel_instructions", 1e6, NULL},
        {0, "exits:io:count", 50, NULL},
        {0, "exits:io:kernel_ns", 0.25 * S, NULL},
        {0, "exits:io:user_ns", 1 * S, NULL},
        {0, "exits:io:kernel_instructions", 2e6, NULL},
        {0, "exits:io:user_instructions", 3e6, NULL},
        {0, "exits:lost", 0, NULL},
        {0, "counters:guest_instructions", 80e6, NULL},
        {0, "counters:guest_user_instructions", 70e6, NULL},
        {0, "counters:host_instructions", 12e6, NULL},
        {0, "counters:other_instructions", 8e6, NULL},
    };
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct budget times = budget_of(&trial, BUDGET_INTERVAL);
    struct budget counts = budget_of(&trial, BUDGET_INSTRUCTIONS);
    assert_near(budget_exits_correction(&trial), 2, 1e-12);
    assert_int_equal(times.exit_count, 300);
    assert_near(times.exits[EXIT_TRANSLATION] * times.whole, 0.5 * S, 1);
    assert_near(times.device * times.whole, 1 * S, 1);
    assert_int_equal(counts.exit_count, 300);
    assert_near(counts.exits[EXIT_TRANSLATION] * counts.whole, 2e6, 1e-3);
    assert_near(counts.device * counts.whole, 6e6, 1e-3);
    const struct reasons_trial one = {&trial, 10 * S, 1};
    struct reason_cost reasons[REASONS_MAX];
    assert_int_equal(reasons_of(&one, 1, BUDGET_INTERVAL, 0.95, reasons), 2);
    assert_int_equal(reasons[0].count, 100);
    assert_near(reasons[0].cost.mean, 1.25 / 10, 1e-12);
    assert_int_equal(reasons_of(&one, 1, BUDGET_INSTRUCTIONS, 0.95, reasons), 2);
    assert_string_equal(reasons[0].name, "io");
    assert_near(reasons[0].cost.mean, 10e6 / (10 * S), 1e-12);
    readings[2].missing = "KVM tells nothing";
    assert_near(budget_exits_correction(&trial), 1, 0);
    readings[2].missing = NULL;
    readings[0].value = 9.6 * S;
    assert_near(budget_exits_correction(&trial), 1, 0);
}

/* What exits cost by reason: the same that the causes are made of, in kernel and user space. */
static void test_reasons_of_exits(void **state)
{
    (void)state;
    struct store_trial trial = TRIAL(guest_figures, guest_readings, &guest_machine);
    struct explanation explanation = explain(&trial, "kvm");
    const struct {
        const char *name;
        uint64_t count;
        double cost;
    } wanted[] = {{"io", 7, 2 * (0.25 + 1.5) / 20},
                  {"interrupt", 9, 2 * 0.75 / 20},
                  {"npf", 50, 2 * 0.5 / 20}};
    assert_int_equal(explanation.reason_count, COUNT_OF(wanted)); /* a halt is no cost */
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_string_equal(explanation.reasons[i].name, wanted[i].name);
        assert_int_equal(explanation.reasons[i].count, wanted[i].count);
        assert_near(explanation.reasons[i].cost.mean, wanted[i].cost, 1e-12);
    }
    assert_int_equal(explain(&trial, "qemu-tcg").reason_count, 0);
}

/* The same work natively, with counters, in the time that budgets have it. */
static double pace_of(double native_ipc, double guest_ipc)
{
    struct store_figure native[COUNT_OF(native_readings) + 2], guest[COUNT_OF(guest_readings) + 2];
    memcpy(native, native_readings, sizeof(native_readings));
    memcpy(guest, guest_readings, sizeof(guest_readings));
    const struct store_figure counted[] = {
        {0, "counters:native_instructions", native_ipc * 1e9, NULL},
        {0, "counters:native_cycles", 1e9, NULL},
        {0, "counters:guest_instructions", guest_ipc * 1e9, NULL},
        {0, "counters:guest_cycles", 1e9, NULL},
    };
    memcpy(native + COUNT_OF(native_readings), counted, 2 * sizeof(counted[0]));
    memcpy(guest + COUNT_OF(guest_readings), counted + 2, 2 * sizeof(counted[0]));
    struct store_trial base = TRIAL(native_figures, native, &native_machine);
    struct store_trial cell = TRIAL(guest_figures, guest, &guest_machine);
    const struct explanation_pair pair = {&cell, &base, 2};
    struct explanation explanation =
        explanation_of(&pair, 1, &(struct explanation_options){.platform_kind = "kvm"});
    return cost(&explanation, CAUSE_PACE);
}

static void test_slower_in_guest_mode(void **state)
{
    (void)state;
    /* 15 s less 3 s in exits, twice, of 20 s; what the kernel may have had of it, 0.3, is off. */
    assert_near(pace_of(2, 1), 2 * 12 / 20.0 * (1 - 0.5) - 0.3, 1e-12);
    assert_near(pace_of(1, 0.9), 0, 1e-12); /* all of it may have been the kernel's */
    assert_near(pace_of(1, 2), 0, 1e-12);
    assert_true(isnan(pace_of(NAN, 1)));
    assert_true(isnan(pace_of(0, 1))); /* nothing runs without instructions */
    assert_true(isnan(pace_of(1, 0)));
}

static const char *evidence(const struct explanation *explanation, enum cause cause)
{
    for (size_t i = 0; i < explanation->cause_count; i++)
        if (explanation->causes[i].cause == cause)
            return explanation->causes[i].evidence;
    return "no such cause";
}

/* Whatever a cost is made of, on either side, may be what is not there. */
static void test_reasons_of_absence(void **state)
{
    (void)state;
    static const struct {
        struct store_figure of_cell, of_baseline;
        enum cause cause;
        const char *says;
    } cases[] = {
        {{-1, "counters", 0, "no PMU"}, {-1, "counters", 1, NULL}, CAUSE_PACE, "no PMU"},
        {{-1, "counters", 1, NULL}, {-1, "counters", 0, "no PMU"}, CAUSE_PACE, "no PMU"},
        {{0, "counters:guest_cycles", 0, "starved"}, {-1, "x", 1, NULL}, CAUSE_PACE, "starved"},
        {{-1, "exits", 0, "not root"}, {-1, "x", 1, NULL}, CAUSE_PACE, "not root"},
        {{-1, "exits", 0, "not root"}, {-1, "guest", 0, "none"}, CAUSE_KERNEL, "not root"},
        {{0, "guest:cpu", 0, "denied"}, {-1, "guest", 0, "none"}, CAUSE_KERNEL, "denied"},
        {{0, "exits:lost", 0, "no record"}, {-1, "x", 1, NULL}, CAUSE_DEVICE, "no record"},
        {{0, "exits:lost", 3, NULL},
         {-1, "x", 1, NULL},
         CAUSE_KERNEL,
         "3 exits were lost: sums would be too small"},
        {{0, "exits:lost", 3, NULL}, {-1, "x", 1, NULL}, CAUSE_WAIT, "no probe gave it"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct store_figure nothing[] = {{0, "cpu_ns", 9 * S, NULL}};
        struct store_trial cell = trial_of(nothing, 1, &cases[i].of_cell, 1, &guest_machine);
        struct store_trial base = trial_of(nothing, 1, &cases[i].of_baseline, 1, &native_machine);
        const struct explanation_pair pair = {&cell, &base, 2};
        struct explanation explanation =
            explanation_of(&pair, 1, &(struct explanation_options){.platform_kind = "kvm"});
        assert_string_equal(evidence(&explanation, cases[i].cause), cases[i].says);
    }
}

/* Three pairs, so that the gap is certain. */
static void test_share_with_a_name(void **state)
{
    (void)state;
    struct store_trial cell = TRIAL(guest_figures, guest_readings, &guest_machine);
    struct store_trial base = TRIAL(native_figures, native_readings, &native_machine);
    const struct explanation_pair pairs[] = {
        {&cell, &base, 2}, {&cell, &base, 2}, {&cell, &base, 2}};
    const struct explanation_options options = {.platform_kind = "kvm"};
    struct explanation explanation = explanation_of(pairs, COUNT_OF(pairs), &options);
    assert_near(explanation_named(&explanation), 1 - explanation.unexplained.mean, 1e-12);
    assert_true(explanation_named(&explanation) > 0.7 && explanation_named(&explanation) < 0.8);
    explanation = explanation_of(pairs, 1, &options);
    assert_true(isnan(explanation_named(&explanation)));
}

static void test_lost_exits_claim_nothing(void **state)
{
    (void)state;
    struct store_figure readings[COUNT_OF(guest_readings)];
    memcpy(readings, guest_readings, sizeof(readings));
    for (size_t i = 0; i < COUNT_OF(readings); i++)
        if (strcmp(readings[i].name, "exits:lost") == 0)
            readings[i].value = 1;
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct explanation explanation = explain(&trial, "kvm");
    assert_true(isnan(cost(&explanation, CAUSE_TRANSLATION)));
    assert_true(isnan(cost(&explanation, CAUSE_KERNEL)));
    assert_int_equal(explanation.reason_count, 0);
    assert_near(explanation.unexplained.mean, 1 - 0.15, 1e-12);
    for (size_t i = 0; i < explanation.cause_count; i++)
        if (explanation.causes[i].cause == CAUSE_TRANSLATION)
            assert_string_equal(explanation.causes[i].evidence,
                                "1 exits were lost: sums would be too small");
}

/* They are lost for all machines at once, so each of these says the same. */
static void test_lost_exits_are_told_once(void **state)
{
    (void)state;
    struct store_machine machines[] = {guest_machine, guest_machine};
    const struct store_figure readings[] = {{0, "exits:lost", 6, NULL}, {1, "exits:lost", 7, NULL}};
    struct store_trial cell = {.machines = machines,
                               .machine_count = COUNT_OF(machines),
                               .readings = (struct store_figure *)readings,
                               .reading_count = COUNT_OF(readings)};
    struct explanation explanation = explain(&cell, "kvm");
    assert_string_equal(evidence(&explanation, CAUSE_DEVICE),
                        "7 exits were lost: sums would be too small");
}

static void test_absent_probe_is_named(void **state)
{
    (void)state;
    const struct store_figure readings[] = {{-1, "exits", 0, "only root may read tracefs"}};
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct explanation explanation = explain(&trial, "kvm");
    assert_true(isnan(cost(&explanation, CAUSE_DEVICE)));
    for (size_t i = 0; i < explanation.cause_count; i++)
        if (explanation.causes[i].cause == CAUSE_DEVICE)
            assert_string_equal(explanation.causes[i].evidence, "only root may read tracefs");
}

/* A guest that looks slower than it is: its clock is fast. */
static void test_fast_clock(void **state)
{
    (void)state;
    struct store_machine machine = {.host_ns = 10000000000, .guest_ns = 20000000000};
    const struct store_figure figures[] = {{0, "vcpu_run_ns", 9 * S, NULL},
                                           {0, "vcpu_wait_ns", 0, NULL},
                                           {0, "emulator_run_ns", 0, NULL}};
    struct store_trial trial = TRIAL(figures, guest_readings, &machine);
    struct explanation explanation = explain(&trial, "kvm");
    assert_near(cost(&explanation, CAUSE_CLOCK), 1, 1e-12);
}

/* A disk that is faster than native: of 100 MB that the guest read the host's disk gave 10. */
static void test_reads_from_the_cache(void **state)
{
    (void)state;
    const struct store_figure readings[] = {{0, "guest:disk_vda_read_bytes", 60e6, NULL},
                                            {0, "guest:disk_vdb_read_bytes", 40e6, NULL},
                                            {0, "guest:disk_vdb_write_bytes", 7e6, NULL},
                                            {0, "process:disk_read_bytes", 10e6, NULL}};
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct explanation explanation = explain(&trial, "kvm");
    assert_near(explanation.cached.mean, 0.9, 1e-12);
    struct store_figure spoilt[COUNT_OF(readings)];
    memcpy(spoilt, readings, sizeof(readings));
    spoilt[0].missing = (char[]){"it went back"};
    trial = TRIAL(guest_figures, spoilt, &guest_machine);
    assert_true(isnan(explain(&trial, "kvm").cached.mean));
}

/* 10 pages of the guest and of native: CPU time without polling, with the emulator's threads. */
static void test_pages(void **state)
{
    (void)state;
    struct store_figure figures[COUNT_OF(guest_figures) + 2] = {{0, "counted_pages", 10, NULL},
                                                                {0, "page_time_ns", 40 * S, NULL}};
    struct store_figure native[] = {{0, "cpu_ns", 8 * S, NULL},
                                    {0, "counted_pages", 10, NULL},
                                    {0, "page_time_ns", 20 * S, NULL}};
    memcpy(figures + 2, guest_figures, sizeof(guest_figures));
    struct store_trial cell = TRIAL(figures, guest_readings, &guest_machine);
    struct store_trial base = TRIAL(native, native_readings, &native_machine);
    assert_near(budget_per_work(&cell, BUDGET_PAGE_CPU), 1.6 * S, 1);
    assert_near(budget_per_work(&cell, BUDGET_PAGE_TIME), 4 * S, 1);
    assert_true(isnan(budget_per_work(&cell, BUDGET_TIME)));
    struct explanation_pair pair = {&cell, &base, 2};
    struct explanation_options options = {.platform_kind = "kvm", .measure = BUDGET_PAGE_CPU};
    struct explanation cpu = explanation_of(&pair, 1, &options);
    /* Of 16 s, twice. Asleep in user space takes no CPU time. */
    assert_near(cost(&cpu, CAUSE_WAIT), -1, 0);
    assert_near(cost(&cpu, CAUSE_DEVICE), 2 * (0.25 + 1.5) / 16, 1e-12);
    assert_near(cost(&cpu, CAUSE_IO_PATH), 2 * 1 / 16.0, 1e-12);
    options.measure = BUDGET_PAGE_TIME;
    struct explanation late = explanation_of(&pair, 1, &options);
    /* 2 s of 40 s, twice; natively 5 % of 10 s of 20 s at most. */
    assert_near(cost(&late, CAUSE_WAIT), 2 * 2 / 40.0 - 0.025, 1e-12);
    assert_near(cost(&late, CAUSE_IO_PATH), -1, 0);
    assert_near(late.idle.mean, 2 * (40 - 17) / 40.0 - (20 - 8) / 20.0, 1e-12);
}

static double sum_of(const struct explanation *explanation)
{
    double sum = explanation->unexplained.mean;
    for (size_t i = 0; i < explanation->cause_count; i++)
        sum += explanation->causes[i].cost.mean;
    return sum;
}

/* 1000 instructions natively, 1300 for the same in a machine. */
static void test_instructions_of_probes(void **state)
{
    (void)state;
    const struct store_figure work[] = {{0, "fixed_work", 1, NULL}};
    const struct store_figure native[] = {{0, "counters:native_instructions", 1000, NULL},
                                          {0, "counters:native_user_instructions", 900, NULL}};
    const struct store_figure guest[] = {{0, "counters:guest_instructions", 1040, NULL},
                                         {0, "counters:guest_user_instructions", 910, NULL},
                                         {0, "counters:host_instructions", 200, NULL},
                                         {0, "counters:other_instructions", 60, NULL},
                                         {0, "exits:hlt:count", 2, NULL},
                                         {0, "exits:hlt:kernel_instructions", 50, NULL},
                                         {0, "exits:hlt:user_instructions", 5, NULL},
                                         {0, "exits:interrupt:kernel_instructions", 40, NULL},
                                         {0, "exits:npf:kernel_instructions", 30, NULL},
                                         {0, "exits:io:kernel_instructions", 10, NULL},
                                         {0, "exits:io:user_instructions", 45, NULL},
                                         {0, "exits:cpuid:kernel_instructions", 15, NULL},
                                         {0, "exits:lost", 0, NULL}};
    struct store_trial cell = TRIAL(work, guest, &guest_machine);
    struct store_trial base = TRIAL(work, native, &native_machine);
    assert_near(budget_per_work(&cell, BUDGET_INSTRUCTIONS), 1300, 1e-9);
    assert_near(budget_per_work(&base, BUDGET_INSTRUCTIONS), 1000, 1e-9);
    assert_true(isnan(budget_per_work(&cell, BUDGET_COUNTED)));
    const struct explanation_pair pair = {&cell, &base, 1.3};
    struct explanation explanation = explanation_of(
        &pair, 1,
        &(struct explanation_options){.platform_kind = "kvm", .measure = BUDGET_INSTRUCTIONS});
    assert_near(sum_of(&explanation), 0.3, 1e-12);
    assert_near(cost(&explanation, CAUSE_INTERRUPT), 0.04, 1e-12);
    assert_near(cost(&explanation, CAUSE_TRANSLATION), 0.03, 1e-12);
    assert_near(cost(&explanation, CAUSE_DEVICE), 0.055, 1e-12);
    assert_near(cost(&explanation, CAUSE_OTHER_EXITS), 0.015, 1e-12);
    assert_near(cost(&explanation, CAUSE_HALT), 0.055, 1e-12);
    assert_near(cost(&explanation, CAUSE_KERNEL), 0.03, 1e-12);
    assert_near(cost(&explanation, CAUSE_PROGRAMS), 0.01, 1e-12);
    assert_near(cost(&explanation, CAUSE_IO_PATH), 0.06, 1e-12);
    assert_near(explanation.unexplained.mean, 0.005, 1e-12); /* host's, in no exit */
    assert_near(cost(&explanation, CAUSE_WAIT), -1, 0);
    assert_near(cost(&explanation, CAUSE_KERNELS), -1, 0);
    assert_true(isnan(explanation.polling.mean) && isnan(explanation.in_guest.mean));
}

/* One that went back is not 0: without it no sum is right. */
static void test_spoilt_exits_have_no_instructions(void **state)
{
    (void)state;
    const struct store_figure readings[] = {
        {0, "counters:guest_instructions", 1040, NULL},
        {0, "counters:guest_user_instructions", 910, NULL},
        {0, "counters:host_instructions", 200, NULL},
        {0, "counters:other_instructions", 60, NULL},
        {0, "exits:npf:kernel_instructions", 0, (char[]){"it went back"}},
        {0, "exits:io:kernel_instructions", 10, NULL},
        {0, "exits:lost", 0, NULL}};
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct budget budget = budget_of(&trial, BUDGET_INSTRUCTIONS);
    assert_near(budget.whole, 1300, 1e-9);
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        assert_true(isnan(budget.exits[i]));
    assert_true(isnan(budget.device));
}

/* Counters that had to share the hardware are scaled, and the causes made of them say so. */
static void test_shared_counters_are_told(void **state)
{
    (void)state;
    const struct store_figure work[] = {{0, "fixed_work", 1, NULL}};
    const struct store_figure native[] = {
        {0, "counters:native_instructions", 1000, NULL},
        {0, "counters:native_instructions:enabled_ns", 100, NULL},
        {0, "counters:native_instructions:running_ns", 100, NULL},
        {0, "counters:native_user_instructions", 900, NULL},
    };
    struct store_figure guest[] = {
        {0, "counters:guest_instructions", 1040, NULL},
        {0, "counters:guest_user_instructions", 910, NULL},
        {0, "counters:host_instructions", 200, NULL},
        {0, "counters:other_instructions", 60, NULL},
        {0, "counters:guest_instructions:enabled_ns", 1000, NULL},
        {0, "counters:guest_instructions:running_ns", 624, NULL},
        {0, "counters:guest_cycles:enabled_ns", 1000, NULL},
        {0, "counters:guest_cycles:running_ns", 100, NULL}, /* of no budget */
        {0, "exits:hlt:kernel_instructions", 50, NULL},
        {0, "exits:lost", 0, NULL},
    };
    for (size_t i = 0; i < 2; i++) {
        struct store_trial cell = TRIAL(work, guest, &guest_machine);
        struct store_trial base = TRIAL(work, native, &native_machine);
        const struct explanation_pair pair = {&cell, &base, 1.3};
        struct explanation explanation = explanation_of(
            &pair, 1,
            &(struct explanation_options){.platform_kind = "kvm", .measure = BUDGET_INSTRUCTIONS});
        for (size_t c = 0; c < explanation.cause_count; c++) {
            enum cause cause = explanation.causes[c].cause;
            bool is_of_counters =
                cause == CAUSE_KERNEL || cause == CAUSE_PROGRAMS || cause == CAUSE_IO_PATH;
            bool says = strstr(explanation.causes[c].evidence, "counted 62 % of the time") != NULL;
            assert_int_equal(says, is_of_counters && i == 0);
        }
        guest[5].value = 998;
    }
}

/* The same with what else the host executed: 500 natively, of 1500 outside of guest mode; in all
 * 760 outside of guest mode beside the machine, of which 260 were its own threads'. */
static void test_instructions_of_the_whole_host(void **state)
{
    (void)state;
    const struct store_figure work[] = {{0, "fixed_work", 1, NULL}};
    struct store_figure native[] = {{0, "counters:native_instructions", 1000, NULL},
                                    {0, "counters:native_user_instructions", 900, NULL},
                                    {-1, "counters:whole_host_instructions", 1500, NULL}};
    const struct store_figure guest[] = {{0, "counters:guest_instructions", 1040, NULL},
                                         {0, "counters:guest_user_instructions", 910, NULL},
                                         {0, "counters:host_instructions", 200, NULL},
                                         {0, "counters:other_instructions", 60, NULL},
                                         {0, "exits:interrupt:kernel_instructions", 200, NULL},
                                         {0, "exits:lost", 0, NULL},
                                         {-1, "exits:whole_host_instructions", 760, NULL}};
    struct store_trial cell = TRIAL(work, guest, &guest_machine);
    struct store_trial base = TRIAL(work, native, &native_machine);
    assert_near(budget_per_work(&cell, BUDGET_HOST), 1800, 1e-9);
    assert_near(budget_per_work(&base, BUDGET_HOST), 1500, 1e-9);
    assert_near(budget_per_work(&base, BUDGET_INSTRUCTIONS), 1000, 1e-9);
    const struct explanation_pair pair = {&cell, &base, 1.2};
    struct explanation explanation = explanation_of(
        &pair, 1, &(struct explanation_options){.platform_kind = "kvm", .measure = BUDGET_HOST});
    assert_near(sum_of(&explanation), 0.2, 1e-12);
    assert_near(cost(&explanation, CAUSE_INTERRUPT), 200 / 1500.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_KERNEL), 30 / 1500.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_PROGRAMS), 10 / 1500.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_IO_PATH), 60 / 1500.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_REST), 0, 1e-12);
    assert_near(explanation.unexplained.mean, 0, 1e-12);
    native[2].missing = (char[]){"not counted"};
    assert_true(isnan(budget_per_work(&base, BUDGET_HOST)));
}

/* A whole server, 2000 natively and 2600 with a machine; every instruction has its place. */
static void test_instructions_of_the_emulator(void **state)
{
    (void)state;
    const struct store_figure work[] = {{0, "counted_pages", 10, NULL}};
    const struct store_figure native[] = {
        {-1, "emulator:host_kernel_instructions", 800, NULL},
        {-1, "emulator:host_user_instructions", 1200, NULL},
        {-1, "emulator:guest_kernel_instructions", 0, NULL},
        {-1, "emulator:guest_user_instructions", 0, NULL},
    };
    const struct store_figure guest[] = {
        {-1, "emulator:host_kernel_instructions", 1000, NULL},
        {-1, "emulator:host_user_instructions", 600, NULL},
        {-1, "emulator:guest_kernel_instructions", 300, NULL},
        {-1, "emulator:guest_user_instructions", 700, NULL},
        {-1, "emulator:hlt:kernel_instructions", 500, NULL},
        {-1, "emulator:hlt:user_instructions", 300, NULL},
        {-1, "emulator:interrupt:count", 4, NULL},
        {-1, "emulator:interrupt:kernel_instructions", 240, NULL},
        {-1, "emulator:interrupt:user_instructions", 20, NULL},
        {-1, "emulator:0xffffffff:kernel_instructions", 60, NULL},
    };
    struct store_trial cell = TRIAL(work, guest, &guest_machine);
    struct store_trial base = TRIAL(work, native, &native_machine);
    assert_near(budget_per_work(&cell, BUDGET_COUNTED), 260, 1e-9);
    const struct explanation_pair pair = {&cell, &base, 1.3};
    struct explanation explanation = explanation_of(
        &pair, 1,
        &(struct explanation_options){.platform_kind = "xen-hvm", .measure = BUDGET_COUNTED});
    assert_near(sum_of(&explanation), 0.3, 1e-12);
    assert_near(cost(&explanation, CAUSE_INTERRUPT), 0.12, 1e-12);
    assert_near(cost(&explanation, CAUSE_OTHER_EXITS), 0.03, 1e-12);
    assert_near(cost(&explanation, CAUSE_DEVICE), 0.01, 1e-12);
    assert_near(cost(&explanation, CAUSE_KERNELS), (1000 - 300 + 300 - 800) / 2000.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_PROGRAMS), (600 - 20 + 700 - 1200) / 2000.0, 1e-12);
    assert_near(explanation.unexplained.mean, 0, 1e-12);
}

static void test_emulation(void **state)
{
    (void)state;
    struct store_trial trial = TRIAL(guest_figures, guest_readings, &guest_machine);
    struct explanation explanation = explain(&trial, "qemu-tcg");
    assert_near(cost(&explanation, CAUSE_EMULATION), 2 * 15 / 20.0 - 0.9, 1e-12);
    assert_near(cost(&explanation, CAUSE_DEVICE), -1, 0);
    assert_near(cost(&explanation, CAUSE_GENERATED), -1, 0);
}

/* Its two parts in place of it, together as much; samples that were lost are of none. */
static void test_translation_and_execution(void **state)
{
    (void)state;
    struct store_figure readings[] = {
        {0, "translation:generated_ns", 4 * S, NULL}, {0, "translation:qemu_ns", 10 * S, NULL},
        {0, "translation:kernel_ns", 2 * S, NULL},    {0, "translation:lost", 0, NULL},
        {0, "process:vcpu_run_ns", 16 * S, NULL},
    };
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct explanation explanation = explain(&trial, "qemu-tcg");
    assert_near(cost(&explanation, CAUSE_GENERATED), 2 * 4 / 20.0 - 0.9, 1e-12);
    assert_near(cost(&explanation, CAUSE_TRANSLATOR), 2 * 12 / 20.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_EMULATION), -1, 0);
    readings[2].missing = (char[]){"only root may"};
    explanation = explain(&trial, "qemu-tcg");
    assert_near(cost(&explanation, CAUSE_GENERATED), 2 * 4 / 20.0 - 0.9, 1e-12);
    readings[3].value = 1;
    explanation = explain(&trial, "qemu-tcg");
    assert_near(cost(&explanation, CAUSE_GENERATED), -1, 0);
    assert_near(cost(&explanation, CAUSE_EMULATION), 2 * 16 / 20.0 - 0.9, 1e-12);
}

/* VirtualBox times its exits together: they are one cause, CPU time that was not in guest mode. */
static void test_exits_of_virtualbox(void **state)
{
    (void)state;
    static const struct store_figure readings[] = {
        {0, "virtualbox:executing_ns", 11 * S, NULL},
        {0, "virtualbox:halted_ns", 2 * S, NULL},
        {0, "process:vcpu_run_ns", 16 * S, NULL},
        {0, "guest:cpu_user_ns", 8 * S, NULL},
        {0, "guest:cpu_nice_ns", 0, NULL},
        {0, "guest:cpu_system_ns", 9 * S, NULL},
        {0, "guest:cpu_irq_ns", 0, NULL},
        {0, "guest:cpu_softirq_ns", 0, NULL},
        {0, "guest:cpu_steal_ns", 0, NULL},
    };
    struct store_trial trial = TRIAL(guest_figures, readings, &guest_machine);
    struct explanation explanation = explain(&trial, "virtualbox");
    assert_near(cost(&explanation, CAUSE_EXITS), 2 * (16 - 11) / 20.0, 1e-12);
    assert_near(cost(&explanation, CAUSE_INTERRUPT), -1, 0); /* not told, and not asked for */
    /* 9 s, of which all 5 s in exits and 2 s of waiting may have been its kernel's */
    assert_near(cost(&explanation, CAUSE_KERNEL), 2 * (9 - 5 - 2) / 20.0 - 0.1, 1e-12);
    struct store_trial without = TRIAL(guest_figures, guest_readings, &guest_machine);
    explanation = explain(&without, "virtualbox");
    assert_true(isnan(cost(&explanation, CAUSE_EXITS)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget_of_guest),
        cmocka_unit_test(test_parts_and_remainder_sum_to_the_gap),
        cmocka_unit_test(test_reasons_of_exits),
        cmocka_unit_test(test_exits_in_windows),
        cmocka_unit_test(test_slower_in_guest_mode),
        cmocka_unit_test(test_reasons_of_absence),
        cmocka_unit_test(test_spoilt_exits_have_no_instructions),
        cmocka_unit_test(test_share_with_a_name),
        cmocka_unit_test(test_lost_exits_claim_nothing),
        cmocka_unit_test(test_lost_exits_are_told_once),
        cmocka_unit_test(test_absent_probe_is_named),
        cmocka_unit_test(test_fast_clock),
        cmocka_unit_test(test_reads_from_the_cache),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_instructions_of_probes),
        cmocka_unit_test(test_shared_counters_are_told),
        cmocka_unit_test(test_instructions_of_the_whole_host),
        cmocka_unit_test(test_instructions_of_the_emulator),
        cmocka_unit_test(test_emulation),
        cmocka_unit_test(test_translation_and_execution),
        cmocka_unit_test(test_exits_of_virtualbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
