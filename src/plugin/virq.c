/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Interrupts that the hypervisor injects. QEMU 11.1 delivers one in VMRUN itself and leaves a note
 * of it that is taken for an exception when we next leave a block in its middle, as an emulated
 * access does: the guest would have the interrupt twice, the second time even with interrupts off.
 * So EVENTINJ becomes a virtual interrupt (V_IRQ, APM vol. 2, 15.21.4), which is delivered as soon
 * as the guest runs and leaves no note. What an exit finds undelivered goes into EXITINTINFO, where
 * a hypervisor looks for an injection that was cut short (15.7.2).
 *
 * Where V_IRQ cannot stand for it, an exit that is forced right behind the delivery takes the note
 * away as well: where the hypervisor uses V_IRQ itself, where the guest takes no interrupts now,
 * and where an injection is repeated. An interrupt of the host that is pending at VMRUN comes after
 * an injection but before a virtual interrupt, and KVM sees to it that one is as long as it has
 * more to inject: one that is repeated must get through.
 */
#include "pmu/lvt.h"
#include "pmu/svm.h"
#include "plugin/plugin.h"

enum {
    VMCB_INTERRUPT_SHADOW = 0x068,
    VMCB_EXIT_INTERRUPT = 0x088,
    SAVE_RFLAGS = PMU_VMCB_SAVE_AREA + 0x170,
};
#define RFLAGS_IF (UINT64_C(1) << 9)
#define INJECTION_VALID (UINT64_C(1) << 31)
#define INJECTION_TYPE (UINT64_C(7) << 8) /* 0: an interrupt */
#define VECTOR UINT64_C(0xff)
#define INTERCEPT_VINTR (1u << 4)
#define V_IRQ (UINT64_C(1) << 8)
#define V_PRIORITY (UINT64_C(0xf) << 16)
#define V_IGNORE_TPR (UINT64_C(1) << 20)
#define V_VECTOR_SHIFT 32
#define V_FIELDS (V_IRQ | V_PRIORITY | V_IGNORE_TPR | VECTOR << V_VECTOR_SHIFT)

static bool takes_interrupts(const struct vcpu *vcpu)
{
    return (pmu_vmcb_read64(vcpu->page, SAVE_RFLAGS) & RFLAGS_IF) &&
           !(pmu_vmcb_read64(vcpu->page, VMCB_INTERRUPT_SHADOW) & 1) &&
           !(pmu_vmcb_read64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL) & V_IRQ);
}

/* The exit before said that it had not been delivered. */
static bool is_repeated(const struct vcpu *vcpu, uint64_t event)
{
    return (pmu_vmcb_read64(vcpu->page, VMCB_EXIT_INTERRUPT) & UINT32_MAX) == (event & UINT32_MAX);
}

void virq_enter(struct vcpu *vcpu)
{
    uint64_t event = 0, none = 0, control = 0, vmcb = vcpu->cpu.vmcb;
    uint32_t intercepts = (uint32_t)pmu_vmcb_read64(vcpu->page, SVM_INTERCEPT_MISC1);

    vcpu->virtual_interrupt = false;
    if (vcpu->cpu.pmu.config.none || vcpu->kicked ||
        !vcpu_load(vcpu, vmcb + PMU_VMCB_EVENT_INJECTION, &event, sizeof(event)) ||
        !vcpu_load(vcpu, vmcb + PMU_VMCB_INTERRUPT_CONTROL, &control, sizeof(control)) ||
        !(event & INJECTION_VALID) || (event & INJECTION_TYPE))
        return;
    if (!takes_interrupts(vcpu) || is_repeated(vcpu, event)) {
        pmi_kick(vcpu);
        return;
    }
    vcpu->virtual_interrupt = true;
    vcpu->own_control = control;
    vcpu->own_intercepts = intercepts;
    control = (control & ~V_FIELDS) | V_IRQ | V_PRIORITY | V_IGNORE_TPR |
              (event & VECTOR) << V_VECTOR_SHIFT;
    intercepts &= ~INTERCEPT_VINTR;
    vcpu_store(vcpu, vmcb + PMU_VMCB_EVENT_INJECTION, &none, sizeof(none));
    vcpu_store(vcpu, vmcb + PMU_VMCB_INTERRUPT_CONTROL, &control, sizeof(control));
    vcpu_store(vcpu, vmcb + SVM_INTERCEPT_MISC1, &intercepts, sizeof(intercepts));
}

/* QEMU clears V_IRQ when the interrupt has been delivered. */
void virq_leave(struct vcpu *vcpu)
{
    if (!vcpu->virtual_interrupt)
        return;
    uint64_t vmcb = vcpu->cpu.vmcb;
    uint64_t control = pmu_vmcb_read64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL);
    uint64_t event = (control >> V_VECTOR_SHIFT & VECTOR) | INJECTION_VALID;
    bool waits = control & V_IRQ;

    vcpu->virtual_interrupt = false;
    control = (control & ~V_FIELDS) | (vcpu->own_control & V_FIELDS);
    pmu_vmcb_write64(vcpu->page, PMU_VMCB_INTERRUPT_CONTROL, control);
    vcpu_store(vcpu, vmcb + PMU_VMCB_INTERRUPT_CONTROL, &control, sizeof(control));
    vcpu_store(vcpu, vmcb + SVM_INTERCEPT_MISC1, &vcpu->own_intercepts,
               sizeof(vcpu->own_intercepts));
    if (waits)
        vcpu_store(vcpu, vmcb + VMCB_EXIT_INTERRUPT, &event, sizeof(event));
}

/* The guest was not entered: the VMCB is as the hypervisor left it. */
void virq_cancel(struct vcpu *vcpu)
{
    if (!vcpu->virtual_interrupt)
        return;
    uint64_t event = pmu_vmcb_read64(vcpu->page, PMU_VMCB_EVENT_INJECTION);
    uint64_t vmcb = vcpu->cpu.vmcb;
    vcpu->virtual_interrupt = false;
    vcpu_store(vcpu, vmcb + PMU_VMCB_EVENT_INJECTION, &event, sizeof(event));
    vcpu_store(vcpu, vmcb + PMU_VMCB_INTERRUPT_CONTROL, &vcpu->own_control,
               sizeof(vcpu->own_control));
    vcpu_store(vcpu, vmcb + SVM_INTERCEPT_MISC1, &vcpu->own_intercepts,
               sizeof(vcpu->own_intercepts));
}
