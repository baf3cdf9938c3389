/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Virtual NMI (APM vol. 2, 15.21.10), which QEMU does not have and PMC virtualization needs: with
 * it enabled in the VMCB a pending NMI enters the guest at VMRUN unless one is being handled, which
 * the guest's IRET ends. It is carried out by EVENTINJ.
 */
#include "plugin/plugin.h"
#include "pmu/lvt.h"

#define NMI_MASKED (UINT64_C(1) << 12)

void vnmi_enter(struct vcpu *vcpu)
{
    uint64_t control = pmu_vmcb_read64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL);
    uint64_t event = pmu_lvt_injection(PMU_LVT_NMI, 0);

    vcpu->nmi_enabled = control & PMU_VMCB_NMI_ENABLED;
    vcpu->nmi_masked = vcpu->nmi_enabled && (control & NMI_MASKED);
    vcpu->nmi_waits = vcpu->nmi_enabled && (control & PMU_VMCB_NMI_PENDING);
    if (!vcpu->nmi_waits || vcpu->nmi_masked || pmi_must_wait(vcpu))
        return;
    control = (control & ~PMU_VMCB_NMI_PENDING) | NMI_MASKED;
    vcpu_store(vcpu, vcpu->cpu.vmcb + PMU_VMCB_EVENT_INJECTION, &event, sizeof(event));
    vcpu_store(vcpu, vcpu->cpu.vmcb + PMU_VMCB_INTERRUPT_CONTROL, &control, sizeof(control));
    vcpu->nmi_waits = false;
    vcpu->nmi_masked = true;
    vcpu->stats.injections++;
}

void vnmi_return(unsigned index, void *userdata)
{
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = &plugin->vcpus[index];
    if (!vcpu->cpu.in_guest || !vcpu->nmi_masked)
        return;
    vcpu->nmi_masked = false;
    if (vcpu->nmi_waits)
        pmi_kick(vcpu);
}

void vnmi_leave(struct vcpu *vcpu)
{
    uint64_t control = pmu_vmcb_read64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL);
    if (!vcpu->nmi_enabled || vcpu->nmi_masked || !(control & NMI_MASKED))
        return;
    control &= ~NMI_MASKED;
    pmu_vmcb_write64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL, control);
    vcpu_store(vcpu, vcpu->cpu.vmcb + PMU_VMCB_INTERRUPT_CONTROL, &control, sizeof(control));
}
