/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/snapshot.h"

#include <stdio.h>
#include <string.h>

const char *const vm_kind_names[] = {
    [VM_KVM] = "kvm",         [VM_TCG] = "tcg", [VM_QEMU] = "qemu",
    [VM_VIRTUALBOX] = "vbox", [VM_XEN] = "xen", [VM_KIND_COUNT] = NULL};

struct vm *snapshot_add(struct snapshot *snapshot)
{
    MEM_GROW(snapshot->vms, snapshot->count, snapshot->capacity);
    struct vm *vm = &snapshot->vms[snapshot->count++];
    *vm = (struct vm){0};
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        vm->figures[i] = figure_missing("not sampled");
    vm->exits_by_kvm = figure_missing("not sampled");
    return vm;
}

static int compare_vms(const void *left, const void *right)
{
    const struct vm *a = *(const struct vm *const *)left, *b = *(const struct vm *const *)right;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return a->identity < b->identity ? -1 : a->identity > b->identity;
}

void snapshot_index_init(struct snapshot_index *index, const struct snapshot *snapshot)
{
    *index = (struct snapshot_index){
        .vms = mem_array(snapshot->count ? snapshot->count : 1, sizeof(struct vm *)),
        .count = snapshot->count};
    for (size_t i = 0; i < snapshot->count; i++)
        index->vms[i] = &snapshot->vms[i];
    qsort(index->vms, index->count, sizeof(index->vms[0]), compare_vms);
}

const struct vm *snapshot_index_find(const struct snapshot_index *index, const struct vm *vm)
{
    const struct vm *const *found =
        bsearch(&vm, index->vms, index->count, sizeof(index->vms[0]), compare_vms);
    return found ? *found : NULL;
}

void snapshot_index_done(struct snapshot_index *index)
{
    free(index->vms);
    *index = (struct snapshot_index){0};
}

struct vm_reason *vm_add_reason(struct vm *vm, const char *name, size_t name_length)
{
    vm->reasons = mem_resize_array(vm->reasons, vm->reason_count + 1, sizeof(vm->reasons[0]));
    struct vm_reason *reason = &vm->reasons[vm->reason_count++];
    *reason = (struct vm_reason){0};
    snprintf(reason->name, sizeof(reason->name), "%.*s", (int)name_length, name);
    return reason;
}

struct vm_vcpu *vm_add_vcpu(struct vm *vm)
{
    vm->vcpus = mem_resize_array(vm->vcpus, vm->vcpu_rows + 1, sizeof(vm->vcpus[0]));
    struct vm_vcpu *vcpu = &vm->vcpus[vm->vcpu_rows++];
    *vcpu = (struct vm_vcpu){.cpu = -1};
    return vcpu;
}

struct vm_task *vm_add_task(struct vm *vm)
{
    vm->tasks = mem_resize_array(vm->tasks, vm->task_count + 1, sizeof(vm->tasks[0]));
    struct vm_task *task = &vm->tasks[vm->task_count++];
    *task = (struct vm_task){0};
    return task;
}

void snapshot_add_note(struct snapshot *snapshot, const char *note)
{
    for (size_t i = 0; i < SNAPSHOT_NOTES && *note; i++)
        if (!snapshot->notes[i]) {
            snapshot->notes[i] = note;
            return;
        }
}

void vm_done(struct vm *vm)
{
    free(vm->name);
    free(vm->uuid);
    free(vm->vcpus);
    free(vm->tasks);
    free(vm->reasons);
}

void snapshot_drop(struct snapshot *snapshot)
{
    vm_done(&snapshot->vms[--snapshot->count]);
}

void snapshot_done(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        vm_done(&snapshot->vms[i]);
    free(snapshot->vms);
    *snapshot = (struct snapshot){0};
}
