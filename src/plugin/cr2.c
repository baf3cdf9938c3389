/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU since 9.1, 11.1 included, asks for a read of any control register whether reads of CR0 are
 * intercepted (APM vol. 2, 15.8.1: each has a bit of its own), and exits with CR0's code. A
 * hypervisor that intercepts CR0 and emulates what it finds at the instruction answers with the CR2
 * that it keeps, which nobody has told it: Xen's PVH and HVM guests find 0 at their first page
 * fault, and end. So a guest's read of CR2 is carried out here unless CR2 itself is intercepted.
 * Reads of CR3 and CR4 exit without need too, but are answered rightly.
 */
#include "plugin/plugin.h"
#include "pmu/svm.h"

void cr2_read(unsigned index, void *userdata)
{
    const struct site *site = userdata;
    struct vcpu *vcpu = &site->plugin->vcpus[index];
    uint32_t intercepts = 0;

    if (!vcpu_load(vcpu, vcpu->cpu.vmcb + SVM_INTERCEPT_CR, &intercepts, sizeof(intercepts)) ||
        svm_intercepts_cr2_read(intercepts))
        return;
    count_pause(vcpu, site);
    count_advance(vcpu);
    vcpu_write(vcpu, (enum vcpu_register)site->target, vcpu_read(vcpu, VCPU_CR2));
    count_finish(vcpu, site);
}
