/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random programming, counting, overflow and world switches over several CPUs and VMs, against a
 * naive model that charges every batch of events to every counter at once and knows no laziness.
 */
#include "test.h"

#include "base/rng.h"
#include "pmu/world.h"

enum { CPUS = 2, VMS = 3, STEPS = 20000 };

/* One set of counters as the naive model sees it. */
struct naive {
    uint64_t select[6], counter[6], control, status;
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
    bool asks[VMS];    /* the VMCB has PMC virtualization on */
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
    .cycles = {.penalty = {[PMU_INSTRUCTIONS] = 1, [PMU_BRANCH_MISSES] = 9}},
};

static uint64_t naive_value(uint64_t select, const uint64_t events[PMU_EVENT_COUNT])
{
    switch (select & 0xff) {
    case 0xc0:
        return events[PMU_INSTRUCTIONS];
    case 0xc2:
        return events[PMU_BRANCHES];
    case 0xc3:
        return events[PMU_BRANCH_MISSES];
    case 0x40:
        return events[PMU_LOADS] + events[PMU_STORES];
    case 0x76:
        return events[PMU_INSTRUCTIONS] + 9 * events[PMU_BRANCH_MISSES];
    default:
        return 0;
    }
}

/* Does a counter that lives in this world (own: the guest's set while it runs) count? */
static bool naive_counts(const struct world *w, uint64_t select, bool in_guest, bool own, bool user)
{
    bool host_only = select >> 41 & 1, guest_only = select >> 40 & 1;
    if (!(select >> 22 & 1) || !(select >> (user ? 16 : 17) & 1))
        return false;
    if (host_only == guest_only)
        return true;
    if (own && w->design == PMU_SWITCH_TRANSPARENT)
        return host_only;
    return in_guest ? guest_only : host_only;
}

static struct naive *naive_active(struct world *w, int cpu, bool *own)
{
    int vm = w->running[cpu];
    *own = vm >= 0 && (w->design == PMU_SWITCH_TRANSPARENT ||
                       (w->design == PMU_SWITCH_ARCHITECTURAL && w->asks[vm]));
    return *own ? &w->vm[vm] : &w->host[cpu];
}

static void naive_happen(struct world *w, int cpu, bool user, const uint64_t *events)
{
    bool own;
    struct naive *set = naive_active(w, cpu, &own);
    for (unsigned i = 0; i < 6; i++) {
        if (!(set->control >> i & 1) ||
            !naive_counts(w, set->select[i], w->running[cpu] >= 0, own, user))
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
    return select;
}

static void write_both(struct world *w, int cpu, uint32_t msr, uint64_t value, uint64_t *naive)
{
    struct pmu_cpu *real = &w->cpus[cpu];
    bool own;
    naive_active(w, cpu, &own);
    note_overflows(w, cpu, own, pmu_cpu_advance(real, &w->counts[cpu]));
    assert_int_equal(pmu_write_msr(&real->pmu, msr, value), PMU_ACCESS_DONE);
    *naive = value;
}

static void step_program(struct world *w, int cpu)
{
    bool own;
    struct naive *set = naive_active(w, cpu, &own);
    uint32_t i = rng_below(&w->rng, 6);
    switch (rng_below(&w->rng, 4)) {
    case 0:
        write_both(w, cpu, 0xC0010200 + 2 * i, random_select(w), &set->select[i]);
        break;
    case 1:
        write_both(w, cpu, 0xC0010201 + 2 * i, PMU_COUNTER_MASK - rng_below(&w->rng, 400),
                   &set->counter[i]);
        break;
    case 2:
        write_both(w, cpu, PMU_MSR_GLOBAL_CONTROL, rng_below(&w->rng, 64), &set->control);
        break;
    case 3:
        write_both(w, cpu, PMU_MSR_GLOBAL_STATUS_CLEAR, 0x3f, &(uint64_t){0});
        set->status = 0;
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
    note_overflows(w, cpu, own, pmu_cpu_advance(&w->cpus[cpu], &w->counts[cpu]));
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
}

/* Everything that software could read now, and what switched-out VMs hold, is what the naive model
 * holds; all overflows were announced. */
static void check_registers(struct world *w)
{
    for (int i = 0; i < CPUS; i++) {
        bool own;
        struct naive *set = naive_active(w, i, &own);
        note_overflows(w, i, own, pmu_cpu_advance(&w->cpus[i], &w->counts[i]));
        check_set(&w->cpus[i].pmu.registers, set);
        if (w->running[i] < 0)
            assert_memory_equal(w->cpus[i].host_totals, w->counts[i].events,
                                sizeof(w->cpus[i].host_totals));
        assert_int_equal(w->host_overflows[i], w->host[i].overflows);
    }
    for (int i = 0; i < VMS; i++) {
        struct pmu_guest guest = {0};
        assert_int_equal(w->vm_overflows[i], w->vm[i].overflows);
        if (!is_free(w, i))
            continue;
        if (w->design == PMU_SWITCH_ARCHITECTURAL) {
            pmu_vmcb_load_registers(w->pages[i], &guest.registers);
            check_set(&guest.registers, &w->vm[i]);
        }
        if (pmu_vmcb_load_block(w->pages[i], 0x1000u * (i + 1u), 0x3f, &guest))
            check_set(&guest.registers, &w->vm[i]);
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

/* What the machine retired is the sum over the host and all VMs (transparent: as the hypervisor
 * reads it). */
static void check_conservation(struct world *w)
{
    for (unsigned e = 0; e < PMU_EVENT_COUNT; e++) {
        uint64_t sum = 0;
        for (int i = 0; i < CPUS; i++)
            sum += host_total(w, i, e);
        for (int i = 0; i < VMS; i++) {
            struct pmu_guest guest = {0};
            if (is_free(w, i))
                pmu_vmcb_load_block(w->pages[i], 0x1000u * (i + 1u), 0x3f, &guest);
            uint64_t vm = guest.totals[0][e] + guest.totals[1][e];
            if (is_free(w, i))
                assert_int_equal(vm, w->vm_work[i][e]);
            sum += is_free(w, i) ? vm : w->vm_work[i][e];
        }
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
            if (rng_below(&w.rng, 4) == 0)
                check_registers(&w);
            if (design == PMU_SWITCH_TRANSPARENT)
                check_conservation(&w);
        }
        check_registers(&w);
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
    struct pmu_config with_retired = config;
    with_retired.retired = true;
    pmu_cpu_init(&cpu, &with_retired, PMU_SWITCH_ARCHITECTURAL);
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
