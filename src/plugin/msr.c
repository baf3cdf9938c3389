/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accesses to the PMU's registers are carried out here, before QEMU sees the instruction; then the
 * vCPU continues behind it. Whatever is not ours, or is not permitted, is left to QEMU, which
 * raises the right exception or the VM exit.
 */
#include "plugin/book.h"
#include "plugin/plugin.h"
#include "pmu/lvt.h"
#include "pmu/svm.h"

enum {
    MSR_APIC_BASE = 0x0000001B,
    APIC_BASE_X2APIC = 1 << 10,
    MSR_EFER = 0xC0000080,
    MSR_HWCR = 0xC0010015,
    /* In the x2APIC range, but no register of it: QEMU raises #GP in every mode. */
    MSR_ALWAYS_FAULTS = 0x8FF,
};
#define EFER_SVME (UINT64_C(1) << 12)
#define EFER_LMA (UINT64_C(1) << 10)
#define HWCR_RETIRED_ENABLE (UINT64_C(1) << 30)
#define CR4_PCE (UINT64_C(1) << 8)

static bool is_guest(const struct site *site)
{
    return site->block->bucket >= PMU_GUEST_KERNEL;
}

/* Does the hypervisor want to see this access of its guest, and where does it say so (APM vol. 2,
 * 15.11)? */
static struct vcpu_permission find_permission(struct vcpu *vcpu, uint32_t msr, bool write)
{
    struct vcpu_permission permission = {0};
    uint32_t misc1 = 0, byte;
    uint64_t map = 0;
    unsigned bit;
    uint8_t bits = 0xff;

    if (!vcpu_load(vcpu, vcpu->cpu.vmcb + SVM_INTERCEPT_MISC1, &misc1, sizeof(misc1)) ||
        !svm_intercepts_msr(misc1))
        return permission;
    permission.exits = true;
    if (!svm_msr_map_bit(msr, &byte, &bit))
        return permission;
    vcpu_load(vcpu, vcpu->cpu.vmcb + SVM_MSR_MAP_BASE, &map, sizeof(map));
    permission.address = (map & ~UINT64_C(0xfff)) + byte;
    permission.bit = (uint8_t)(1u << (bit + write));
    vcpu_load(vcpu, permission.address, &bits, 1);
    permission.exits = bits & permission.bit;
    return permission;
}

static bool msr_exits(struct vcpu *vcpu, uint32_t msr, bool write)
{
    return find_permission(vcpu, msr, write).exits;
}

static bool counter_read_exits(struct vcpu *vcpu)
{
    uint32_t misc1 = 0;
    vcpu_load(vcpu, vcpu->cpu.vmcb + SVM_INTERCEPT_MISC1, &misc1, sizeof(misc1));
    return svm_intercepts_rdpmc(misc1);
}

static void read_msr(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    uint64_t value = 0;
    count_pause(vcpu, site);
    count_advance(vcpu);
    vcpu->stats.accesses.msr_reads[is_guest(site)]++;
    if (pmu_read_msr(&vcpu->cpu.pmu, msr, &value) == PMU_ACCESS_DONE)
        vcpu_write_pair(vcpu, value);
    count_finish(vcpu, site);
}

static void set_exits(struct vcpu *vcpu, const struct vcpu_permission *permission, bool exits)
{
    uint8_t bits = 0;
    if (!vcpu_load(vcpu, permission->address, &bits, 1))
        return;
    bits = exits ? bits | permission->bit : bits & ~permission->bit;
    vcpu_store(vcpu, permission->address, &bits, 1);
}

/* Lets QEMU execute the access with a register number that makes it a #GP; the number that software
 * used is put back when the exception has been delivered. A guest's access with that number must
 * not exit: its hypervisor would see what the guest never did. So its bit in the permission map is
 * cleared meanwhile; it shares its byte with the bits of no register that there is, and another
 * vCPU with the same map faults there in any case. */
static void fault(struct vcpu *vcpu, const struct site *site)
{
    vcpu->rcx = vcpu_read(vcpu, VCPU_RCX);
    vcpu->restore_rcx = true;
    vcpu_write(vcpu, VCPU_RCX, MSR_ALWAYS_FAULTS);
    if (!is_guest(site))
        return;
    vcpu->permitted = find_permission(vcpu, MSR_ALWAYS_FAULTS, site->kind == DECODE_WRMSR);
    if (vcpu->permitted.exits)
        set_exits(vcpu, &vcpu->permitted, false);
}

void msr_settle_fault(struct vcpu *vcpu)
{
    if (!vcpu->restore_rcx)
        return;
    vcpu->restore_rcx = false;
    vcpu_write(vcpu, VCPU_RCX, vcpu->rcx);
    if (vcpu->permitted.exits)
        set_exits(vcpu, &vcpu->permitted, true);
    vcpu->permitted = (struct vcpu_permission){0};
}

/* QEMU has no RDPMC and raises #UD for each. The way to a #GP with error code 0 is to continue at
 * an address that is none; where the fault came from is put right when it has been delivered. There
 * is no such address outside of long mode. Does not return when it can be done. */
static void fault_at(struct vcpu *vcpu, const struct site *site)
{
    if (is_guest(site) || !(vcpu_read(vcpu, VCPU_EFER) & EFER_LMA))
        return;
    count_pause(vcpu, site);
    vcpu->fault_address = site->address;
    vcpu->restore_address = true;
    count_arm(vcpu);
    qemu_plugin_set_pc(PLUGIN_NO_ADDRESS);
}

static void write_msr(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    struct block_rest rest = count_pause(vcpu, site);
    count_advance(vcpu);
    vcpu->stats.accesses.msr_writes[is_guest(site)]++;
    if (pmu_write_msr(&vcpu->cpu.pmu, msr, vcpu_read_pair(vcpu)) == PMU_ACCESS_FAULT) {
        count_resume(vcpu, rest);
        fault(vcpu, site);
        return;
    }
    count_finish(vcpu, site);
}

/* What a write of a register of QEMU's own changes in the PMU, from this instruction on. */
static void note_change(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    struct block_rest rest = count_pause(vcpu, site);
    uint64_t value = vcpu_read_pair(vcpu);
    count_advance(vcpu);
    if (msr == MSR_EFER)
        pmu_set_svm_enabled(&vcpu->cpu.pmu, value & EFER_SVME);
    else
        vcpu->cpu.pmu.retired_enabled = value & HWCR_RETIRED_ENABLE;
    count_arm(vcpu);
    count_resume(vcpu, rest);
}

/* A guest's writes go on to its hypervisor, which emulates those registers. HWCR is each VM's own
 * in the transparent design only: the architectural one has no place for it (15.39). */
static void note_guest_write(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    if (msr == PMU_LVT_X2APIC_MSR)
        vcpu->cpu.guest.lvtpc = vcpu_read(vcpu, VCPU_RAX) & PMU_LVT_WRITABLE;
    else if (msr == MSR_HWCR && vcpu->cpu.switched && vcpu->cpu.design == PMU_SWITCH_TRANSPARENT)
        note_change(vcpu, site, msr);
}

static void note_host_write(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    switch (msr) {
    case PMU_LVT_X2APIC_MSR:
        vcpu->lvtpc = vcpu_read(vcpu, VCPU_RAX);
        break;
    case MSR_APIC_BASE:
        vcpu->x2apic = vcpu_read(vcpu, VCPU_RAX) & APIC_BASE_X2APIC;
        break;
    case MSR_EFER:
    case MSR_HWCR:
        note_change(vcpu, site, msr);
        break;
    default:
        break;
    }
}

/* Only the hypervisor reaches these: in a guest they exit, or are a #GP. */
static void read_ledger(struct vcpu *vcpu, const struct site *site, uint32_t msr)
{
    uint64_t value = 0;
    if (is_guest(site)) {
        if (!msr_exits(vcpu, msr, false))
            fault(vcpu, site);
        return;
    }
    struct block_rest rest = count_pause(vcpu, site);
    if (!book_read(vcpu, msr, &value)) {
        count_resume(vcpu, rest);
        fault(vcpu, site);
        return;
    }
    count_advance(vcpu);
    vcpu_write_pair(vcpu, value);
    count_finish(vcpu, site);
}

static void access_msr(struct vcpu *vcpu, const struct site *site)
{
    bool write = site->kind == DECODE_WRMSR;
    uint32_t msr = vcpu_read(vcpu, VCPU_RCX);

    if (site->block->bucket & 1) /* at CPL > 0 it is a fault */
        return;
    if (!pmu_has_msr(&vcpu->cpu.pmu, msr)) {
        if (!write && ledger_is_msr(msr))
            read_ledger(vcpu, site, msr);
        if (write && is_guest(site))
            note_guest_write(vcpu, site, msr);
        else if (write)
            note_host_write(vcpu, site, msr);
        return;
    }
    if (!pmu_cpu_access_direct(&vcpu->cpu) && msr_exits(vcpu, msr, write))
        return;
    if (write)
        write_msr(vcpu, site, msr);
    else
        read_msr(vcpu, site, msr);
}

/* RDPMC at CPL > 0 needs CR4.PCE (APM vol. 2, 13.2). */
static void read_counter(struct vcpu *vcpu, const struct site *site)
{
    uint64_t value;
    uint32_t index = vcpu_read(vcpu, VCPU_RCX);

    if ((site->block->bucket & 1) && !(vcpu_read(vcpu, VCPU_CR4) & CR4_PCE))
        return;
    if (!pmu_cpu_access_direct(&vcpu->cpu) && counter_read_exits(vcpu))
        return;
    if (pmu_read_counter(&vcpu->cpu.pmu, index, &value) != PMU_ACCESS_DONE) {
        fault_at(vcpu, site);
        return;
    }
    count_pause(vcpu, site);
    count_advance(vcpu);
    vcpu->stats.accesses.counter_reads[is_guest(site)]++;
    if (pmu_read_counter(&vcpu->cpu.pmu, index, &value) == PMU_ACCESS_DONE)
        vcpu_write_pair(vcpu, value);
    count_finish(vcpu, site);
}

void msr_execute(unsigned index, void *userdata)
{
    const struct site *site = userdata;
    struct vcpu *vcpu = &site->plugin->vcpus[index];

    if (site->kind == DECODE_RDPMC)
        read_counter(vcpu, site);
    else
        access_msr(vcpu, site);
}
