/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/world.h"

#include <string.h>

#include "pmu/svm.h"

void pmu_cpu_init(struct pmu_cpu *cpu, const struct pmu_config *config, enum pmu_switch design)
{
    *cpu = (struct pmu_cpu){.design = design};
    pmu_init(&cpu->pmu, config);
    enum pmu_scope scope = design == PMU_SWITCH_TRANSPARENT ? PMU_SCOPE_HOST : PMU_SCOPE_MACHINE;
    pmu_set_registers(&cpu->pmu, &cpu->pmu.registers, scope);
}

static void add_totals(uint64_t totals[2][PMU_EVENT_COUNT], const struct pmu_counts *now,
                       const struct pmu_counts *since, enum pmu_bucket kernel)
{
    for (unsigned level = 0; level < 2; level++)
        for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
            totals[level][i] += now->events[kernel + level][i] - since->events[kernel + level][i];
}

static void charge_host(struct pmu_cpu *cpu, const struct pmu_counts *now)
{
    add_totals(cpu->host_totals, now, &cpu->left, PMU_HOST_KERNEL);
    cpu->left = *now;
}

static bool has_virtual_nmi(const uint8_t *page)
{
    return pmu_vmcb_read64(page, PMU_VMCB_INTERRUPT_CONTROL) & PMU_VMCB_NMI_ENABLED;
}

/* Virtual NMIs go with the intercept of NMIs (15.21.10). */
static bool is_illegal(const uint8_t *page)
{
    return has_virtual_nmi(page) &&
           !svm_intercepts_nmi((uint32_t)pmu_vmcb_read64(page, SVM_INTERCEPT_MISC1));
}

static bool has_impossible_bits(const struct pmu_cpu *cpu, const struct pmu_registers *registers)
{
    uint64_t impossible = registers->retired & ~PMU_COUNTER_MASK;
    for (unsigned i = 0; i < PMU_COUNTERS; i++)
        impossible |= (registers->select[i] & ~pmu_select_writable()) |
                      (registers->counter[i] & ~PMU_COUNTER_MASK);
    uint64_t global = registers->global_control | registers->global_status;
    return impossible || (global & ~pmu_global_writable(&cpu->pmu));
}

static void switch_in(struct pmu_cpu *cpu, const struct pmu_registers *guest, enum pmu_scope scope)
{
    cpu->host = cpu->pmu.registers;
    cpu->switched = true;
    pmu_set_registers(&cpu->pmu, guest, scope);
}

/* Returns the exit code of a VMRUN that fails; 0: it does not. What this model holds to be invalid
 * PMC state is an assumption: no way to deliver the guest's interrupt, which is vNMI here, since
 * the processor does not announce AVIC (15.39; Fn8000_000A EDX[13]), or bits in the save area that
 * no register can hold. */
static uint64_t enter_architectural(struct pmu_cpu *cpu, const uint8_t *page)
{
    if (is_illegal(page))
        return PMU_EXIT_INVALID;
    if (!(pmu_vmcb_read64(page, PMU_VMCB_VIRTUALIZATION) & PMU_VMCB_VIRTUALIZE_PMC))
        return 0;
    struct pmu_registers registers;
    pmu_vmcb_load_registers(page, &registers);
    if (!has_virtual_nmi(page) || has_impossible_bits(cpu, &registers))
        return PMU_EXIT_INVALID_PMC;
    cpu->guest = (struct pmu_guest){0};
    switch_in(cpu, &registers, PMU_SCOPE_GUEST);
    return 0;
}

static void enter_transparent(struct pmu_cpu *cpu, const uint8_t *page)
{
    uint64_t global = pmu_global_writable(&cpu->pmu);
    if (!pmu_vmcb_load_block(page, cpu->vmcb, global, &cpu->guest))
        pmu_guest_reset(&cpu->guest, global);
    cpu->guest.runs++;
    cpu->host_retired_enabled = cpu->pmu.retired_enabled;
    cpu->pmu.retired_enabled = cpu->guest.retired_enabled;
    switch_in(cpu, &cpu->guest.registers, PMU_SCOPE_AS_HOST);
}

struct pmu_outcome pmu_cpu_enter(struct pmu_cpu *cpu, const uint8_t *page, uint64_t vmcb,
                                 const struct pmu_counts *now)
{
    struct pmu_outcome outcome = {.host_interrupts = pmu_advance(&cpu->pmu, now)};

    charge_host(cpu, now);
    cpu->vmcb = vmcb;
    cpu->entered = *now;
    if (cpu->design == PMU_SWITCH_ARCHITECTURAL)
        outcome.refusal = enter_architectural(cpu, page);
    if (outcome.refusal)
        return outcome;
    if (cpu->design == PMU_SWITCH_TRANSPARENT)
        enter_transparent(cpu, page);
    cpu->in_guest = true;
    outcome.guest_pmi = cpu->switched && cpu->guest.pmi_pending;
    return outcome;
}

/* Swap type C: selects and counters become 0, global control all-enabled; type A: the host's
 * IRPerfCount and status come back (15.39). */
static void restore_architectural(struct pmu_cpu *cpu)
{
    struct pmu_registers host = {
        .global_control = pmu_global_writable(&cpu->pmu),
        .global_status = cpu->host.global_status,
        .retired = cpu->host.retired,
    };
    pmu_set_registers(&cpu->pmu, &host, PMU_SCOPE_MACHINE);
}

static void leave_architectural(struct pmu_cpu *cpu, uint8_t *page)
{
    pmu_vmcb_store_registers(page, &cpu->pmu.registers);
    if (cpu->guest.pmi_pending) {
        uint64_t control = pmu_vmcb_read64(page, PMU_VMCB_INTERRUPT_CONTROL);
        pmu_vmcb_write64(page, PMU_VMCB_INTERRUPT_CONTROL, control | PMU_VMCB_NMI_PENDING);
    }
    restore_architectural(cpu);
}

static void leave_transparent(struct pmu_cpu *cpu, uint8_t *page, const struct pmu_counts *now)
{
    cpu->guest.registers = cpu->pmu.registers;
    cpu->guest.retired_enabled = cpu->pmu.retired_enabled;
    add_totals(cpu->guest.totals, now, &cpu->entered, PMU_GUEST_KERNEL);
    pmu_vmcb_store_block(page, cpu->vmcb, &cpu->guest);
    cpu->pmu.retired_enabled = cpu->host_retired_enabled;
    pmu_set_registers(&cpu->pmu, &cpu->host, PMU_SCOPE_HOST);
}

struct pmu_outcome pmu_cpu_leave(struct pmu_cpu *cpu, uint8_t *page, const struct pmu_counts *now)
{
    struct pmu_outcome outcome = {0};
    unsigned interrupts = pmu_cpu_advance(cpu, now);

    if (cpu->switched)
        outcome.guest_pmi = cpu->guest.pmi_pending;
    else
        outcome.host_interrupts = interrupts;
    if (cpu->switched && cpu->design == PMU_SWITCH_ARCHITECTURAL)
        leave_architectural(cpu, page);
    if (cpu->switched && cpu->design == PMU_SWITCH_TRANSPARENT)
        leave_transparent(cpu, page, now);
    cpu->in_guest = false;
    cpu->switched = false;
    charge_host(cpu, now);
    return outcome;
}

unsigned pmu_cpu_advance(struct pmu_cpu *cpu, const struct pmu_counts *now)
{
    unsigned interrupts = pmu_advance(&cpu->pmu, now);
    if (cpu->switched && interrupts)
        cpu->guest.pmi_pending = true;
    if (!cpu->in_guest)
        charge_host(cpu, now);
    return interrupts;
}

bool pmu_cpu_access_direct(const struct pmu_cpu *cpu)
{
    return !cpu->in_guest || (cpu->switched && cpu->design == PMU_SWITCH_TRANSPARENT);
}
