/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Counter interrupts. The host's goes where the local APIC's LVTPC says, as a message to the own
 * APIC. A guest's cannot be put into the running guest from here: an exit is forced with a vector
 * that hypervisors take and that does no harm, and the interrupt is injected by the VMRUN that
 * follows.
 */
#include "plugin/plugin.h"
#include "pmu/lvt.h"

/* The vector to force an exit with. In Linux (irq_vectors.h) it is CALL_FUNCTION, whose handler
 * works off its CPU's queue of calls and may find it empty at any time: another interrupt may have
 * been quicker. In Xen (irq-vectors.h) it is EVENT_CHECK, whose handler does no more than to
 * acknowledge. FDh would not do: Linux' RESCHEDULE is Xen's INVALIDATE_TLB, which tells the CPU
 * that waits for this one's flush that it is done. */
enum { HARMLESS_VECTOR = 0xFC };

enum {
    APIC_BASE = 0xFEE00000u,
    APIC_ID = 0x020,
    MESSAGE_NMI = 0x400,
    VMCB_INTERRUPT_SHADOW = 0x068,
    SAVE_RFLAGS = PMU_VMCB_SAVE_AREA + 0x170,
};
#define RFLAGS_IF (UINT64_C(1) << 9)

/* In xAPIC mode the APIC's own page tells its number, which software may have changed; in x2APIC
 * mode that page is not there, and the number is the one that CPUID gives. */
static uint32_t apic_id(struct vcpu *vcpu)
{
    uint32_t id = 0;
    if (vcpu->x2apic || !vcpu_load(vcpu, APIC_BASE + APIC_ID, &id, sizeof(id)))
        return vcpu->apic_id;
    return id >> 24;
}

static void send_to_self(struct vcpu *vcpu, uint32_t message)
{
    vcpu_store(vcpu, APIC_BASE | apic_id(vcpu) << 12, &message, sizeof(message));
}

void pmi_raise_host(struct vcpu *vcpu)
{
    uint32_t lvtpc = PMU_LVT_MASKED;
    uint8_t vector = 0;

    if (vcpu->x2apic)
        lvtpc = vcpu->lvtpc;
    else
        vcpu_load(vcpu, APIC_BASE + PMU_LVT_OFFSET, &lvtpc, sizeof(lvtpc));
    enum pmu_lvt_kind kind = pmu_lvt_decode(lvtpc, &vector);
    vcpu->stats.accesses.interrupts[0]++;
    if (kind == PMU_LVT_NOTHING)
        vcpu->stats.masked++;
    else
        send_to_self(vcpu, kind == PMU_LVT_NMI ? MESSAGE_NMI : vector);
}

static enum pmu_lvt_kind guest_kind(const struct vcpu *vcpu, uint8_t *out_vector)
{
    /* 15.39: with vNMI the interrupt is an NMI of the guest */
    if (vcpu->cpu.design == PMU_SWITCH_ARCHITECTURAL || vcpu->guest_nmi_always)
        return PMU_LVT_NMI;
    return pmu_lvt_decode(vcpu->cpu.guest.lvtpc, out_vector);
}

void pmi_kick(struct vcpu *vcpu)
{
    if (vcpu->kicked)
        return;
    vcpu->kicked = true;
    send_to_self(vcpu, HARMLESS_VECTOR);
}

void pmi_raise_guest(struct vcpu *vcpu)
{
    uint8_t vector;
    vcpu->stats.accesses.interrupts[1]++;
    if (guest_kind(vcpu, &vector) == PMU_LVT_NOTHING) {
        vcpu->stats.masked++;
        vcpu->cpu.guest.pmi_pending = false;
        return;
    }
    pmi_kick(vcpu);
}

static bool is_interruptible(const struct vcpu *vcpu)
{
    return (pmu_vmcb_read64(vcpu->page, SAVE_RFLAGS) & RFLAGS_IF) &&
           !(pmu_vmcb_read64(vcpu->page, VMCB_INTERRUPT_SHADOW) & 1);
}

bool pmi_must_wait(struct vcpu *vcpu)
{
    const struct injection found = {
        .event = pmu_vmcb_read64(vcpu->page, INJECTION_EVENT),
        .control = pmu_vmcb_read64(vcpu->page, INJECTION_CONTROL),
        .intercepts = (uint32_t)pmu_vmcb_read64(vcpu->page, INJECTION_INTERCEPTS),
    };
    if (!injection_is_under_way(&found))
        return false;
    vcpu->stats.busy++;
    pmi_kick(vcpu);
    return true;
}

/* EVENTINJ holds one event, and an NMI before an interrupt that the guest has been promised would
 * bring that into the NMI's handler. When the hypervisor injects one of its own the guest is
 * entered for that, and an exit right behind it makes room. A guest that has interrupts off is
 * looked at now and then (count_arm() sees to it), and an exit is forced when it has them on. */
void pmi_inject(struct vcpu *vcpu)
{
    uint8_t vector = 0;
    enum pmu_lvt_kind kind = guest_kind(vcpu, &vector);
    uint64_t event = pmu_lvt_injection(kind, vector);

    if (kind == PMU_LVT_NOTHING) {
        vcpu->cpu.guest.pmi_pending = false;
        return;
    }
    if (pmi_must_wait(vcpu))
        return;
    vcpu->deferred = kind == PMU_LVT_FIXED && !is_interruptible(vcpu);
    if (vcpu->deferred)
        return;
    vcpu_store(vcpu, vcpu->cpu.vmcb + PMU_VMCB_EVENT_INJECTION, &event, sizeof(event));
    vcpu->cpu.guest.pmi_pending = false;
    vcpu->stats.injections++;
}

void pmi_retry(struct vcpu *vcpu)
{
    if (!vcpu->deferred || !vcpu->cpu.switched || !(vcpu_read(vcpu, VCPU_EFLAGS) & RFLAGS_IF))
        return;
    vcpu->deferred = false;
    pmi_kick(vcpu);
}
