/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * World switches: VMRUN is seen before it executes, #VMEXIT when the block behind the VMRUN begins.
 */
#include <string.h>

#include "pmu/lvt.h"
#include "pmu/svm.h"
#include "plugin/book.h"
#include "plugin/plugin.h"

enum {
    SAVE_CS_BASE = PMU_VMCB_SAVE_AREA + 0x018,
    SAVE_RIP = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_RIP,
    SAVE_RSP = PMU_VMCB_SAVE_AREA + 0x1D8,
    SAVE_RAX = PMU_VMCB_SAVE_AREA + 0x1F8,
    EXIT_NPF = 0x400,
    NPF_WRITE = 1 << 1,
    APIC_BASE = 0xFEE00000u,
    PAGE_BYTES = 4096,
    INSTRUCTION_BYTES = 15,
};
#define EFER_SVME (UINT64_C(1) << 12)

/* A VMRUN that will raise #UD or #GP, which QEMU does. */
static bool will_fault(struct vcpu *vcpu, const struct site *site, uint64_t vmcb)
{
    return (site->block->bucket & 1) || vmcb % PAGE_BYTES ||
           !(vcpu_read(vcpu, VCPU_EFER) & EFER_SVME);
}

/* The hypervisor finds an exit with this code, and the guest has not run (15.39). The VMRUN counts
 * as executed: it is the last instruction of its block. Does not return. */
__attribute__((noreturn)) static void refuse(struct vcpu *vcpu, const struct site *site,
                                             uint64_t vmcb, uint64_t code)
{
    const uint64_t found[] = {code, 0, 0, 0}; /* EXITINFO1, EXITINFO2, EXITINTINFO */
    vcpu_store(vcpu, vmcb + PMU_VMCB_EXIT_CODE, found, sizeof(found));
    qemu_plugin_set_pc(site->next);
}

void switch_run(unsigned index, void *userdata)
{
    const struct site *site = userdata;
    struct vcpu *vcpu = &site->plugin->vcpus[index];
    uint64_t vmcb = vcpu_read(vcpu, VCPU_RAX);

    if (vcpu->cpu.in_guest || will_fault(vcpu, site, vmcb) ||
        !vcpu_load(vcpu, vmcb, vcpu->page, sizeof(vcpu->page)))
        return;
    vcpu->stats.runs++;
    if (vcpu->memory)
        memory_forget(vcpu->memory);
    vcpu->run_address = site->address;
    sample_note_entry(vcpu, vmcb);
    struct pmu_outcome outcome = pmu_cpu_enter(&vcpu->cpu, vcpu->page, vmcb, vcpu_counts(vcpu));
    if (outcome.host_interrupts)
        pmi_raise_host(vcpu);
    if (outcome.refusal) {
        count_arm(vcpu);
        refuse(vcpu, site, vmcb, outcome.refusal);
    }
    book_enter(site->plugin, vcpu, vmcb);
    if (outcome.guest_pmi)
        pmi_inject(vcpu);
    if (vcpu->cpu.design == PMU_SWITCH_ARCHITECTURAL)
        vnmi_enter(vcpu);
    virq_enter(vcpu);
    count_arm(vcpu);
}

/* The VMRUN itself raised an exception: the guest has not been entered. */
void switch_cancel(struct vcpu *vcpu)
{
    struct pmu_outcome outcome = pmu_cpu_leave(&vcpu->cpu, vcpu->page, vcpu_counts(vcpu));
    book_cancel(vcpu);
    virq_cancel(vcpu);
    if (outcome.host_interrupts)
        pmi_raise_host(vcpu);
    count_arm(vcpu);
}

/* The guest's block that was under way, up to where it was left. */
static void correct_counts(struct vcpu *vcpu)
{
    const struct block *block = vcpu->slot->block;
    if (!block || block->bucket < PMU_GUEST_KERNEL)
        return;
    uint64_t rip = pmu_vmcb_read64(vcpu->page, SAVE_RIP);
    uint64_t address = rip + pmu_vmcb_read64(vcpu->page, SAVE_CS_BASE);
    uint64_t code = pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_CODE);
    uint64_t info1 = pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_INFO1);

    count_take_back(vcpu, svm_exit_cuts_instruction(code, info1)
                              ? block_rest_at_fault(block, address)
                              : block_rest_at_interrupt(block, address));
}

/* At an exit all registers but these two are still the guest's. */
static void guest_registers(struct vcpu *vcpu, uint64_t registers[16])
{
    for (unsigned i = 0; i < 16; i++)
        registers[i] = vcpu_read(vcpu, VCPU_RAX + i);
    registers[VCPU_RAX] = pmu_vmcb_read64(vcpu->page, SAVE_RAX);
    registers[VCPU_RSP] = pmu_vmcb_read64(vcpu->page, SAVE_RSP);
}

/* The guest writes LVTPC of its local APIC, which its hypervisor emulates: the exit tells where,
 * the instruction what. */
static void note_lvtpc(struct vcpu *vcpu)
{
    const struct block *block = vcpu->slot->block;
    uint64_t registers[16];
    uint32_t value;

    if (pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_CODE) != EXIT_NPF ||
        pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_INFO2) != APIC_BASE + PMU_LVT_OFFSET ||
        !(pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_INFO1) & NPF_WRITE) || !block ||
        !block_details(block)->code)
        return;
    uint64_t address =
        pmu_vmcb_read64(vcpu->page, SAVE_RIP) + pmu_vmcb_read64(vcpu->page, SAVE_CS_BASE);
    uint64_t offset = address - block->address;
    if (block_find(block, address) < 0 || address % PAGE_BYTES > PAGE_BYTES - INSTRUCTION_BYTES ||
        (address ^ block->address) / PAGE_BYTES)
        return;
    guest_registers(vcpu, registers);
    if (decode_store32(block_details(block)->code + offset, INSTRUCTION_BYTES, registers, &value))
        vcpu->cpu.guest.lvtpc = value & PMU_LVT_WRITABLE;
}

static void store_range(struct vcpu *vcpu, uint64_t vmcb, size_t offset, size_t bytes)
{
    vcpu_store(vcpu, vmcb + offset, vcpu->page + offset, bytes);
}

static void store_state(struct vcpu *vcpu, uint64_t vmcb)
{
    enum { FIRST = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_SELECT0 };
    enum { LAST = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_GLOBAL_CONTROL };

    if (vcpu->cpu.design == PMU_SWITCH_TRANSPARENT) {
        store_range(vcpu, vmcb, PMU_VMCB_BLOCK, PMU_VMCB_BLOCK_BYTES);
        return;
    }
    store_range(vcpu, vmcb, FIRST, 16 * PMU_COUNTERS);
    store_range(vcpu, vmcb, PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_RETIRED,
                LAST + 8 - PMU_VMCB_SAVE_AREA - PMU_VMCB_SAVE_RETIRED);
    store_range(vcpu, vmcb, PMU_VMCB_INTERRUPT_CONTROL, 8);
}

void switch_exit(unsigned index, void *userdata)
{
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = &plugin->vcpus[index];
    uint64_t vmcb = vcpu->cpu.vmcb;
    bool switched = vcpu->cpu.switched;

    if (!vcpu->cpu.in_guest || !vcpu_load(vcpu, vmcb, vcpu->page, sizeof(vcpu->page)))
        return;
    vcpu->stats.exits++;
    if (vcpu->memory)
        memory_forget(vcpu->memory);
    vcpu->kicked = false;
    vcpu->deferred = false;
    vcpu->raised = false;
    msr_settle_fault(vcpu); /* its delivery exits: RCX is the guest's still */
    virq_leave(vcpu);
    correct_counts(vcpu);
    note_lvtpc(vcpu);
    book_leave(vcpu, pmu_vmcb_read64(vcpu->page, PMU_VMCB_EXIT_CODE));
    struct pmu_outcome outcome = pmu_cpu_leave(&vcpu->cpu, vcpu->page, vcpu_counts(vcpu));
    if (vcpu->cpu.design == PMU_SWITCH_ARCHITECTURAL)
        vnmi_leave(vcpu);
    if (switched)
        store_state(vcpu, vmcb);
    if (outcome.host_interrupts)
        pmi_raise_host(vcpu);
    count_arm(vcpu);
}
