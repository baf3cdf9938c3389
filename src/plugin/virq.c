/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Interrupts that the hypervisor injects become virtual ones, see pmu/injection.h. What an exit
 * finds undelivered goes into EXITINTINFO, where a hypervisor looks for an injection that was cut
 * short (APM vol. 2, 15.7.2).
 *
 * Where a virtual one cannot stand for it, an exit that is forced right behind the delivery takes
 * QEMU's note away as well.
 */
#include "plugin/plugin.h"
#include "pmu/injection.h"

static void load(struct vcpu *vcpu, struct injection *out)
{
    uint64_t vmcb = vcpu->cpu.vmcb;
    *out = (struct injection){
        .shadow = pmu_vmcb_read64(vcpu->page, INJECTION_SHADOW),
        .exit_interrupt = pmu_vmcb_read64(vcpu->page, INJECTION_EXIT_INTERRUPT),
        .flags = pmu_vmcb_read64(vcpu->page, INJECTION_FLAGS),
        .intercepts = (uint32_t)pmu_vmcb_read64(vcpu->page, INJECTION_INTERCEPTS),
    };
    /* our own injections are there by now */
    vcpu_load(vcpu, vmcb + INJECTION_EVENT, &out->event, sizeof(out->event));
    vcpu_load(vcpu, vmcb + INJECTION_CONTROL, &out->control, sizeof(out->control));
}

static void store(struct vcpu *vcpu, const struct injection *injection)
{
    uint64_t vmcb = vcpu->cpu.vmcb;
    vcpu_store(vcpu, vmcb + INJECTION_EVENT, &injection->event, sizeof(injection->event));
    vcpu_store(vcpu, vmcb + INJECTION_CONTROL, &injection->control, sizeof(injection->control));
    vcpu_store(vcpu, vmcb + INJECTION_INTERCEPTS, &injection->intercepts,
               sizeof(injection->intercepts));
}

void virq_enter(struct vcpu *vcpu)
{
    struct injection own;
    load(vcpu, &own);
    vcpu->virtual_interrupt = false;
    if (vcpu->cpu.pmu.config.none || vcpu->kicked || !injection_is_interrupt(own.event))
        return;
    if (!injection_fits(&own)) {
        pmi_kick(vcpu);
        return;
    }
    struct injection other = injection_replace(&own);
    vcpu->virtual_interrupt = true;
    vcpu->injection = own;
    store(vcpu, &other);
}

/* QEMU clears V_IRQ when the interrupt has been delivered. */
void virq_leave(struct vcpu *vcpu)
{
    if (!vcpu->virtual_interrupt)
        return;
    uint64_t vmcb = vcpu->cpu.vmcb;
    uint64_t found = pmu_vmcb_read64(vcpu->page, INJECTION_CONTROL);
    struct injection own = vcpu->injection;

    vcpu->virtual_interrupt = false;
    if (injection_is_pending(found))
        vcpu_store(vcpu, vmcb + INJECTION_EXIT_INTERRUPT, &own.event, sizeof(own.event));
    own.event = 0;
    own.control = injection_restore(&own, found);
    pmu_vmcb_write64(vcpu->page, INJECTION_CONTROL, own.control);
    store(vcpu, &own);
}

/* The guest was not entered: the VMCB is as the hypervisor left it. */
void virq_cancel(struct vcpu *vcpu)
{
    if (!vcpu->virtual_interrupt)
        return;
    vcpu->virtual_interrupt = false;
    vcpu->injection.event = pmu_vmcb_read64(vcpu->page, INJECTION_EVENT);
    store(vcpu, &vcpu->injection);
}
