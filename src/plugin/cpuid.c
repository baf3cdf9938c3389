/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU answers CPUID; before the next instruction the answer is amended. A guest's CPUID exits, and
 * its hypervisor answers.
 */
#include "pmu/cpuid.h"
#include "plugin/plugin.h"

enum { LEAF_APIC_ID = 1 }; /* EBX[31:24] */

void cpuid_note(unsigned index, void *userdata)
{
    const struct site *site = userdata;
    struct vcpu *vcpu = &site->plugin->vcpus[index];

    if (site->block->bucket >= PMU_GUEST_KERNEL)
        return;
    vcpu->leaf = vcpu_read(vcpu, VCPU_RAX);
    vcpu->amend_cpuid = vcpu->leaf == LEAF_APIC_ID || pmu_cpuid_concerns(vcpu->leaf);
    if (vcpu->amend_cpuid && site->index + 1u == site->block->instructions)
        count_arm_now(vcpu);
}

void cpuid_finish(struct plugin *plugin, struct vcpu *vcpu)
{
    struct cpuid_result result = {.eax = vcpu_read(vcpu, VCPU_RAX),
                                  .ebx = vcpu_read(vcpu, VCPU_RBX),
                                  .ecx = vcpu_read(vcpu, VCPU_RCX),
                                  .edx = vcpu_read(vcpu, VCPU_RDX)};

    vcpu->amend_cpuid = false;
    if (vcpu->leaf == LEAF_APIC_ID) { /* only looked at */
        vcpu->apic_id = result.ebx >> 24;
        return;
    }
    pmu_cpuid_amend(&plugin->config, vcpu->cpu.design, vcpu->leaf, &result);
    vcpu_write(vcpu, VCPU_RAX, result.eax);
    vcpu_write(vcpu, VCPU_RBX, result.ebx);
    vcpu_write(vcpu, VCPU_RCX, result.ecx);
    vcpu_write(vcpu, VCPU_RDX, result.edx);
}

void cpuid_patch(unsigned index, void *userdata)
{
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = &plugin->vcpus[index];
    if (vcpu->amend_cpuid)
        cpuid_finish(plugin, vcpu);
}
