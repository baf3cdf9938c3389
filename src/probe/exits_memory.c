/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_memory.h"

#include <errno.h>

#include "base/mem.h"
#include "probe/btf.h"
#include "probe/exit_reason.h"
#include "probe/tracepoint.h"

/* EXITCODE and EXITINFO1 of the VMCB that ran last (AMD APM volume 2, appendix B, table B-1), which
 * is where KVM's own tracepoint takes them from. */
static const struct exits_memory kvm_amd = {
    .isa = EXIT_ISA_AMD,
    .event_module = "kvm",
    .module = "kvm_amd",
    .argument = "kvm_vcpu",
    .structure = "vcpu_svm",
    .pointer = "vmcb",
    .reason_at = 0x70,
    .info_at = 0x78,
};

/* A VMCS is not in memory (Intel SDM volume 3, section 25.11.1), but KVM has read the reason when
 * the tracepoint comes; since TDX came it has lain in a part that both share. */
static const struct exits_memory kvm_intel = {
    .isa = EXIT_ISA_INTEL,
    .event_module = "kvm",
    .module = "kvm_intel",
    .argument = "kvm_vcpu",
    .structure = "vcpu_vmx",
    .reasons = {"exit_reason", "vt.exit_reason"},
    .info_at = -1,
};

const struct exits_memory *exits_memory_of_kvm(void)
{
    return exit_isa_here() == EXIT_ISA_AMD ? &kvm_amd : &kvm_intel;
}

/* Negative: the types do not tell. */
static int find_reason(const struct btf *btf, const struct exits_memory *memory)
{
    int at = -1;
    if (memory->pointer)
        return memory->reason_at;
    for (size_t i = 0; i < COUNT_OF(memory->reasons) && memory->reasons[i] && at < 0; i++)
        at = btf_find_member(btf, memory->structure, memory->reasons[i]);
    return at;
}

static int find_exit(const struct exits_points *points, struct btf *btf,
                     const struct exits_memory *memory, struct exits_arguments *out,
                     struct error *err)
{
    out->isa = memory->isa;
    out->info_at = memory->info_at;
    out->reason_at = find_reason(btf, memory);
    if (memory->pointer)
        out->pointer_at = btf_find_member(btf, memory->structure, memory->pointer);
    if (out->reason_at < 0 || (memory->pointer && out->pointer_at < 0))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "the kernel's types do not tell where 'struct %s' has an exit's reason",
                         memory->structure);
    int rc = btf_change_module(btf, BTF_ROOT, memory->event_module, err);
    if (rc < 0)
        return rc;
    out->exit = btf_find_argument(btf, tracepoint_name(points->exit), memory->argument);
    if (out->exit < 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "the kernel's types do not tell of a 'struct %s' at tracepoint '%s'",
                         memory->argument, points->exit);
    out->tells_exit = true;
    return 0;
}

int exits_memory_find(const struct exits_points *points, struct exits_arguments *out_arguments,
                      struct error *err)
{
    const struct exits_memory *memory = points->memory ? points->memory() : NULL;
    CLEANUP(btf_cleanup) struct btf *btf = NULL;
    *out_arguments = (struct exits_arguments){.pointer_at = -1, .info_at = -1, .pid_at = -1};
    int rc = btf_read(BTF_ROOT, memory ? memory->module : NULL, &btf, err);
    if (rc < 0)
        return rc;
    out_arguments->pid_at = btf_find_member(btf, "task_struct", "pid");
    return memory ? find_exit(points, btf, memory, out_arguments, err) : 0;
}
