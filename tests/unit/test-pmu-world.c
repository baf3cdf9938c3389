/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random programming, counting, overflow and world switches over several CPUs and VMs, against a
 * naive model that charges every batch of events to every counter at once and knows no laziness.
 */
#include "test.h"

#include "base/rng.h"
#include "pmu/world.h"

enum { CPUS = 2, VMS = 3, STEPS = 50000 };

/* One set of counters as the naive model sees it. */
struct naive {
    uint64_t select[6], counter[6], control, status, retired;
    bool retired_on; /* HWCR.IRPerfEn: a CPU's; in the transparent design a VM's as well */
    uint64_t overflows;
};

struct world {
    enum pmu_switch design;
    struct rng rng;
    struct pmu_cpu cpus[CPUS];
    struct pmu_counts counts[CPUS];
    uint8_t pages[VMS][PMU_VMCB_BYTES];
    struct naive host[CPUS], vm[VMS];
    int running[CPUS]; /* VM on this CPU, -1: the host */
    bool svme[CPUS];
    bool asks[VMS]; /* the VMCB has PMC virtualization on */
    uint64_t host_overflows[CPUS], vm_overflows[VMS];
    uint64_t told[VMS]; /* overflows of the VM that the hardware has told of already */
    uint64_t machine[PMU_EVENT_COUNT]; /* all that ever happened */
    uint64_t vm_work[VMS][PMU_EVENT_COUNT];
};

/* A VMCB that asks for PMC virtualization: virtual NMIs, and the intercept of NMIs they go with. */
static void ask(uint8_t *page)
{
    pmu_vmcb_write64(page, 0x00C, 1 << 1);
    pmu_vmcb_write64(page, 0x060, 1 << 26);
    pmu_vmcb_write64(page, 0x0B8, 1 << 3);
}

static const uint16_t codes[] = {0xc0, 0xc2, 0xc3, 0x40, 0x76, 0xd1};

static const struct pmu_config config = {
    .core_extension = true,
    .perfmon_v2 = true,
    .retired = true,
    .cycles = {.penalty = {[PMU_INSTRUCTIONS] = 1, [PMU_BRANCH_MISSES] = 9}},
};

static uint64_t naive_cycles(const uint64_t events[PMU_EVENT_COUNT])
{
    return events[PMU_INSTRUCTIONS] + 9 * events[PMU_BRANCH_MISSES];
}

static uint64_t naive_event(unsigned code, const uint64_t events[PMU_EVENT_COUNT])
{
    switch (code) {
    case 0xc0:
        return events[PMU_INSTRUCTIONS];
    case 0xc2:
        return events[PMU_BRANCHES];
    case 0xc3:
        return events[PMU_BRANCH_MISSES];
    case 0x40:
        return events[PMU_LOADS] + events[PMU_STORES];
    case 0x76:
        return naive_cycles(events);
    default:
        return 0;
    }
}

/* A counter mask tells cycles apart; the model can only for what occurs once in one at most. */
static uint64_t naive_value(uint64_t select, const uint64_t events[PMU_EVENT_COUNT])
{
    unsigned code = select & 0xff, least = select >> 24 & 0xff;
    uint64_t value = naive_event(code, events);
    if (!least)
        return value;
    if (code == 0x40 || code == 0xd1)
        return 0;
    if (least > 1)
        value = 0;
    return select >> 23 & 1 ? naive_cycles(events) - value : value;
}

/* Does a counter that lives in this world (own: the guest's set while it runs) count? */
static bool naive_counts(const struct world *w, int cpu, uint64_t select, bool own, bool user)
{
    bool host_only = select >> 41 & 1, guest_only = select >> 40 & 1;
    if (!(select >> 22 & 1) || !(select >> (user ? 16 : 17) & 1))
        return false;
    if ((host_only || guest_only) && !own && !w->svme[cpu])
        return false;
    if (host_only == guest_only)
        return true;
    if (own && w->design == PMU_SWITCH_TRANSPARENT)
        return host_only;
    return w->running[cpu] >= 0 ? guest_only : host_only;
}

static struct naive *naive_active(struct world *w, int cpu, bool *own)
{
    int vm = w->running[cpu];
    *own = vm >= 0 && (w->design == PMU_SWITCH_TRANSPARENT ||
                       (w->design == PMU_SWITCH_ARCHITECTURAL && w->asks[vm]));
    return *own ? &w->vm[vm] : &w->host[cpu];
}

/* Where the HWCR is that counts on this CPU now. */
static struct naive *naive_hwcr(struct world *w, int cpu)
{
    bool own;
    struct naive *set = naive_active(w, cpu, &own);
    return w->design == PMU_SWITCH_TRANSPARENT ? set : &w->host[cpu];
}

static void naive_happen(struct world *w, int cpu, bool user, const uint64_t *events)
{
    bool own;
    struct naive *set = naive_active(w, cpu, &own);
    if (naive_hwcr(w, cpu)->retired_on)
        set->retired = (set->retired + events[PMU_INSTRUCTIONS]) & PMU_COUNTER_MASK;
    for (unsigned i = 0; i < 6; i++) {
        if (!(set->control >> i & 1) || !naive_counts(w, cpu, set->select[i], own, user))
            continue;
        set->counter[i] += naive_value(set->select[i], events);
        if (set->counter[i] >> 48) {
            set->counter[i] &= PMU_COUNTER_MASK;
            set->status |= 1u << i;
            set->overflows += set->select[i] >> 20 & 1;
        }
    }
}

static void note_overflows(struct world *w, int cpu, bool own, unsigned interrupts)
{
    uint64_t *sum = own ? &w->vm_overflows[w->running[cpu]] : &w->host_overflows[cpu];
    *sum += __builtin_popcount(interrupts);
}

/* Some events, in portions no larger than the distance that the model announces. */
static void step_happen(struct world *w, int cpu)
{
    bool user = rng_below(&w->rng, 2), own;
    unsigned bucket = 2 * (w->running[cpu] >= 0) + user;
    uint64_t left = 1 + rng_below(&w->rng, 300);
    naive_active(w, cpu, &own);
    while (left) {
        uint64_t distance = pmu_distance(&w->cpus[cpu].pmu);
        uint64_t n = left < distance ? left : distance;
        uint64_t events[PMU_EVENT_COUNT] = {[PMU_INSTRUCTIONS] = n,
                                            [PMU_BRANCHES] = rng_below(&w->rng, n + 1),
                                            [PMU_LOADS] = rng_below(&w->rng, n + 1),
                                            [PMU_STORES] = rng_below(&w->rng, n + 1)};
        events[PMU_BRANCH_MISSES] = rng_below(&w->rng, events[PMU_BRANCHES] + 1);
        for (unsigned i = 0; i < PMU_EVENT_COUNT; i++) {
            w->counts[cpu].events[bucket][i] += events[i];
            w->machine[i] += events[i];
            if (w->running[cpu] >= 0)
                w->vm_work[w->running[cpu]][i] += events[i];
        }
        naive_happen(w, cpu, user, events);
        if (n == distance)
            note_overflows(w, cpu, own, pmu_cpu_advance(&w->cpus[cpu], &w->counts[cpu]));
        left -= n;
    }
}

static uint64_t random_select(struct world *w)
{
    uint64_t select =
        codes[rng_below(&w->rng, 6)] | rng_below(&w->rng, 4) << 16 | rng_below(&w->rng, 4) << 40;
    if (rng_below(&w->rng, 4))
        select |= 1 << 22;
    if (rng_below(&w->rng, 2))
        select |= 1 << 20;
    if (rng_below(&w->rng, 4) == 0) /* a counter mask, and inverted */
        select |= rng_below(&w->rng, 3) << 24 | rng_below(&w->rng, 2) << 23;
    return select;
}

/* Charges what has happened, as before any change of what is counted. */
static void settle(struct world *w, int cpu)
{
    bool own;
    naive_active(w, cpu, &own);
    note_overflows(w, cpu, own, pmu_cpu_advance(&w->cpus[cpu], &w->counts[cpu]));
}

static void write_both(struct world *w, int cpu, uint32_t msr, uint64_t value, uint64_t *naive)
{
    settle(w, cpu);
    assert_int_equal(pmu_write_msr(&w->cpus[cpu].pmu, msr, value), PMU_ACCESS_DONE);
    *naive = value;
}

static void write_status(struct world *w, int cpu, struct naive *set)
{
    uint64_t bits = rng_below(&w->rng, 64), written;
    bool clear = rng_below(&w->rng, 2);
    write_both(w, cpu, clear ? PMU_MSR_GLOBAL_STATUS_CLEAR : PMU_MSR_GLOBAL_STATUS_SET, bits,
               &written);
    set->status = clear ? set->status & ~written : set->status | written;
}

/* HWCR and EFER are the host's to write; in the transparent design HWCR is each VM's as well. */
static void write_enables(struct world *w, int cpu)
{
    bool in_host = w->running[cpu] < 0, on = rng_below(&w->rng, 2);
    settle(w, cpu);
    if (in_host && rng_below(&w->rng, 2)) {
        pmu_set_svm_enabled(&w->cpus[cpu].pmu, on);
        w->svme[cpu] = on;
        return;
    }
    if (!in_host && w->design != PMU_SWITCH_TRANSPARENT)
        return;
    w->cpus[cpu].pmu.retired_enabled = on;
    naive_hwcr(w, cpu)->retired_on = on;
}

/* A write that is refused changes nothing, whatever has not been charged yet. */
static void write_reserved(struct world *w, int cpu, uint32_t index)
{
    static const struct {
        uint32_t msr;
        uint64_t bit;
    } writes[] = {
        {0xC0010200, UINT64_C(1) << 19},
        {0xC0010200, UINT64_C(1) << 63},
        {PMU_MSR_GLOBAL_CONTROL, 1 << 6},
        {PMU_MSR_GLOBAL_STATUS_SET, 1 << 6},
    };
    uint64_t which = rng_below(&w->rng, 4);
    uint32_t msr = writes[which].msr + (which < 2 ? 2 * index : 0);
    uint64_t value = writes[which].bit | rng_below(&w->rng, 64);
    assert_int_equal(pmu_write_msr(&w->cpus[cpu].pmu, msr, value), PMU_ACCESS_FAULT);
}

static void step_program(struct world *w, int cpu)
{
    bool own;
    struct naive *set = naive_active(w, cpu, &own);
    uint32_t i = rng_below(&w->rng, 6);
    switch (rng_below(&w->rng, 8)) {
    case 0:
    case 1:
        write_both(w, cpu, 0xC0010200 + 2 * i, random_select(w), &set->select[i]);
        break;
    case 2:
        write_both(w, cpu, 0xC0010201 + 2 * i, PMU_COUNTER_MASK - rng_below(&w->rng, 400),
                   &set->counter[i]);
        break;
    case 3:
        write_both(w, cpu, PMU_MSR_GLOBAL_CONTROL, rng_below(&w->rng, 64), &set->control);
        break;
    case 4:
        write_status(w, cpu, set);
        break;
    case 5:
        write_both(w, cpu, PMU_MSR_RETIRED, PMU_COUNTER_MASK - rng_below(&w->rng, 400),
                   &set->retired);
        break;
    case 6:
        write_enables(w, cpu);
        break;
    case 7:
        write_reserved(w, cpu, i);
        break;
    }
}

static bool is_free(const struct world *w, int vm)
{
    for (int i = 0; i < CPUS; i++)
        if (w->running[i] == vm)
            return false;
    return true;
}

static void enter(struct world *w, int cpu)
{
    int vm = rng_below(&w->rng, VMS);
    if (!is_free(w, vm))
        return;
    if (!w->svme[cpu]) { /* VMRUN would be #UD */
        settle(w, cpu);
        pmu_set_svm_enabled(&w->cpus[cpu].pmu, true);
        w->svme[cpu] = true;
    }
    struct pmu_outcome outcome =
        pmu_cpu_enter(&w->cpus[cpu], w->pages[vm], 0x1000u * (vm + 1u), &w->counts[cpu]);
    assert_int_equal(outcome.refusal, 0);
    w->host_overflows[cpu] += __builtin_popcount(outcome.host_interrupts);
    w->running[cpu] = vm;
}

static void leave(struct world *w, int cpu)
{
    int vm = w->running[cpu];
    bool own;
    naive_active(w, cpu, &own);
    settle(w, cpu);
    struct pmu_outcome outcome = pmu_cpu_leave(&w->cpus[cpu], w->pages[vm], &w->counts[cpu]);
    assert_int_equal(outcome.host_interrupts, 0);
    assert_int_equal(outcome.guest_pmi, own && w->vm_overflows[vm] > w->told[vm]);
    if (w->design == PMU_SWITCH_ARCHITECTURAL) /* V_NMI in the VMCB */
        w->told[vm] = w->vm_overflows[vm];
    w->running[cpu] = -1;
    if (own && w->design == PMU_SWITCH_ARCHITECTURAL) { /* swap type C */
        memset(w->host[cpu].select, 0, sizeof(w->host[cpu].select));
        memset(w->host[cpu].counter, 0, sizeof(w->host[cpu].counter));
        w->host[cpu].control = 0x3f;
    }
}

static void check_set(const struct pmu_registers *real, const struct naive *naive)
{
    assert_memory_equal(real->select, naive->select, sizeof(naive->select));
    assert_memory_equal(real->counter, naive->counter, sizeof(naive->counter));
    assert_int_equal(real->global_control, naive->control);
    assert_int_equal(real->global_status, naive->status);
    assert_int_equal(real->retired, naive->retired);
}

static void check_switched_out(const struct world *w, int vm)
{
    struct pmu_guest guest = {0};
    if (w->design == PMU_SWITCH_ARCHITECTURAL) {
        pmu_vmcb_load_registers(w->pages[vm], &guest.registers);
        check_set(&guest.registers, &w->vm[vm]);
    }
    if (pmu_vmcb_load_block(w->pages[vm], 0x1000u * (vm + 1u), 0x3f, &guest)) {
        check_set(&guest.registers, &w->vm[vm]);
        assert_int_equal(guest.retired_enabled, w->vm[vm].retired_on);
    }
}

/* Everything that software could read now, and what switched-out VMs hold, is what the naive model
 * holds; all overflows were announced, or would be now. It is a copy that is asked, so that what is
 * charged late in the CPU itself stays so. */
static void check_registers(struct world *w)
{
    uint64_t due[VMS] = {0};
    for (int i = 0; i < CPUS; i++) {
        bool own;
        struct naive *set = naive_active(w, i, &own);
        struct pmu_cpu copy = w->cpus[i];
        uint64_t overflows = __builtin_popcount(pmu_cpu_advance(&copy, &w->counts[i]));
        check_set(&copy.pmu.registers, set);
        assert_memory_equal(copy.host_totals, w->counts[i].events, sizeof(copy.host_totals));
        assert_int_equal(w->host_overflows[i] + (own ? 0 : overflows), w->host[i].overflows);
        if (own)
            due[w->running[i]] = overflows;
    }
    for (int i = 0; i < VMS; i++) {
        assert_int_equal(w->vm_overflows[i] + due[i], w->vm[i].overflows);
        if (is_free(w, i))
            check_switched_out(w, i);
    }
}

/* Charged to the host, and what has happened since it was last charged. */
static uint64_t host_total(const struct world *w, int cpu, unsigned event)
{
    uint64_t sum = 0;
    for (unsigned level = 0; level < 2; level++)
        sum += w->cpus[cpu].host_totals[level][event] + w->counts[cpu].events[level][event] -
               w->cpus[cpu].left.events[level][event];
    return sum;
}

/* What a VM has done is in its block in the transparent design, as the hypervisor reads it. */
static void check_vm_totals(const struct world *w, int vm)
{
    struct pmu_guest guest = {0};
    if (w->design != PMU_SWITCH_TRANSPARENT || !is_free(w, vm))
        return;
    pmu_vmcb_load_block(w->pages[vm], 0x1000u * (vm + 1u), 0x3f, &guest);
    for (unsigned e = 0; e < PMU_EVENT_COUNT; e++)
        assert_int_equal(guest.totals[0][e] + guest.totals[1][e], w->vm_work[vm][e]);
}

/* What the machine did is the sum over the host and all VMs, in every design. */
static void check_conservation(struct world *w)
{
    for (int i = 0; i < VMS; i++)
        check_vm_totals(w, i);
    for (unsigned e = 0; e < PMU_EVENT_COUNT; e++) {
        uint64_t sum = 0;
        for (int i = 0; i < CPUS; i++)
            sum += host_total(w, i, e);
        for (int i = 0; i < VMS; i++)
            sum += w->vm_work[i][e];
        assert_int_equal(sum, w->machine[e]);
    }
}

static void init_world(struct world *w, enum pmu_switch design, uint64_t seed)
{
    *w = (struct world){.design = design};
    rng_init(&w->rng, seed, design);
    for (int i = 0; i < CPUS; i++) {
        pmu_cpu_init(&w->cpus[i], &config, design);
        pmu_set_svm_enabled(&w->cpus[i].pmu, true);
        w->svme[i] = true;
        w->host[i].control = 0x3f;
        w->running[i] = -1;
    }
    for (int i = 0; i < VMS; i++) {
        w->asks[i] = i != 1;
        ask(w->pages[i]);
        if (!w->asks[i])
            pmu_vmcb_write64(w->pages[i], 0x0B8, 0);
        w->vm[i].control = design == PMU_SWITCH_TRANSPARENT ? 0x3f : 0;
    }
}

static void run_design(enum pmu_switch design)
{
    static struct world w;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        init_world(&w, design, seed);
        for (unsigned i = 0; i < STEPS; i++) {
            int cpu = rng_below(&w.rng, CPUS);
            uint64_t what = rng_below(&w.rng, 10);
            if (what < 5)
                step_happen(&w, cpu);
            else if (what < 8)
                step_program(&w, cpu);
            else if (w.running[cpu] < 0)
                enter(&w, cpu);
            else
                leave(&w, cpu);
            check_registers(&w);
            check_conservation(&w);
        }
        /* the architectural switch forgets what the host programmed */
        uint64_t least = design == PMU_SWITCH_ARCHITECTURAL ? 3 : 50;
        assert_true(w.host_overflows[0] + w.host_overflows[1] > least);
        if (design != PMU_SWITCH_NONE)
            assert_true(w.vm_overflows[0] > 20);
    }
}

static void test_none(void **state)
{
    (void)state;
    run_design(PMU_SWITCH_NONE);
}

static void test_architectural(void **state)
{
    (void)state;
    run_design(PMU_SWITCH_ARCHITECTURAL);
}

static void test_transparent(void **state)
{
    (void)state;
    run_design(PMU_SWITCH_TRANSPARENT);
}

static void test_refusals(void **state)
{
    (void)state;
    static uint8_t page[PMU_VMCB_BYTES];
    struct pmu_cpu cpu;
    struct pmu_counts now = {0};
    static const struct {
        size_t offset;
        uint64_t value;
        uint64_t code, code_unasked; /* without PMC virtualization */
    } faults[] = {
        {0x060, 0, PMU_EXIT_INVALID_PMC, 0},                 /* no virtual NMI */
        {0x060, UINT64_C(1) << 31, PMU_EXIT_INVALID_PMC, 0}, /* AVIC, which there is none of */
        {0x00C, 0, PMU_EXIT_INVALID, PMU_EXIT_INVALID},      /* virtual NMI, but no intercept */
        {0x4E0, UINT64_C(1) << 63, PMU_EXIT_INVALID_PMC, 0}, /* select 0 */
        {0x538, UINT64_C(1) << 48, PMU_EXIT_INVALID_PMC, 0}, /* counter 5 */
        {0x5C0, UINT64_C(1) << 48, PMU_EXIT_INVALID_PMC, 0}, /* IRPerfCount */
        {0x5C8, 0x40, PMU_EXIT_INVALID_PMC, 0},              /* global status */
        {0x5D0, 0x40, PMU_EXIT_INVALID_PMC, 0},              /* global control */
    };
    pmu_cpu_init(&cpu, &config, PMU_SWITCH_ARCHITECTURAL);
    assert_int_equal(pmu_write_msr(&cpu.pmu, 0xC0010201, 77), PMU_ACCESS_DONE);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        memset(page, 0, sizeof(page));
        ask(page);
        pmu_vmcb_write64(page, faults[i].offset, faults[i].value);
        struct pmu_outcome outcome = pmu_cpu_enter(&cpu, page, 0x1000, &now);
        assert_int_equal(outcome.refusal, faults[i].code);
        assert_false(cpu.in_guest);
        assert_int_equal(cpu.pmu.registers.counter[0], 77); /* nothing was loaded */
        pmu_vmcb_write64(page, 0x0B8, 0);
        outcome = pmu_cpu_enter(&cpu, page, 0x1000, &now);
        assert_int_equal(outcome.refusal, faults[i].code_unasked);
        if (!outcome.refusal)
            outcome = pmu_cpu_leave(&cpu, page, &now);
    }
    memset(page, 0, sizeof(page));
    ask(page);
    struct pmu_outcome outcome = pmu_cpu_enter(&cpu, page, 0x1000, &now);
    assert_int_equal(outcome.refusal, 0);
    assert_true(cpu.switched);
}

/* Swap type A: the host's IRPerfCount and status come back, the guest's go to the VMCB. */
static void test_swap_type_a(void **state)
{
    (void)state;
    static uint8_t page[PMU_VMCB_BYTES];
    struct pmu_cpu cpu;
    struct pmu_counts now = {0};
    pmu_cpu_init(&cpu, &config, PMU_SWITCH_ARCHITECTURAL);
    cpu.pmu.retired_enabled = true;
    ask(page);
    pmu_vmcb_write64(page, 0x5C0, 1000);
    pmu_vmcb_write64(page, 0x5C8, 2);
    now.events[PMU_HOST_KERNEL][PMU_INSTRUCTIONS] = 10;
    assert_int_equal(pmu_write_msr(&cpu.pmu, PMU_MSR_GLOBAL_STATUS_SET, 4), PMU_ACCESS_DONE);
    struct pmu_outcome outcome = pmu_cpu_enter(&cpu, page, 0x1000, &now);
    assert_int_equal(cpu.pmu.registers.retired, 1000);
    assert_int_equal(cpu.pmu.registers.global_status, 2);
    now.events[PMU_GUEST_USER][PMU_INSTRUCTIONS] = 7;
    outcome = pmu_cpu_leave(&cpu, page, &now);
    assert_false(outcome.guest_pmi);
    assert_int_equal(pmu_vmcb_read64(page, 0x5C0), 1007);
    assert_int_equal(cpu.pmu.registers.retired, 10);
    assert_int_equal(cpu.pmu.registers.global_status, 4);
}

static void test_direct_access(void **state)
{
    (void)state;
    static uint8_t page[PMU_VMCB_BYTES];
    struct pmu_counts now = {0};
    for (unsigned design = PMU_SWITCH_NONE; design <= PMU_SWITCH_TRANSPARENT; design++) {
        struct pmu_cpu cpu;
        pmu_cpu_init(&cpu, &config, design);
        assert_true(pmu_cpu_access_direct(&cpu));
        struct pmu_outcome outcome = pmu_cpu_enter(&cpu, page, 0x1000, &now);
        assert_int_equal(outcome.refusal, 0);
        assert_int_equal(pmu_cpu_access_direct(&cpu), design == PMU_SWITCH_TRANSPARENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),        cmocka_unit_test(test_architectural),
        cmocka_unit_test(test_transparent), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_swap_type_a), cmocka_unit_test(test_direct_access),
    };
    return cmocka_run_group_tests_name("pmu-world", tests, NULL, NULL);
}
