/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/vcpu.h"

#include <string.h>

#include "pmu/lvt.h"

static const char *const register_names[VCPU_REGISTERS] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp",    "rsi", "rdi", "r8",  "r9",  "r10",  "r11",
    "r12", "r13", "r14", "r15", "cs",  "eflags", "cr0", "cr2", "cr3", "cr4", "efer",
};

/* A handle may be NULL: that of the first register is, in some versions of QEMU. */
static unsigned take_register(struct vcpu *vcpu,
                              const struct qemu_register_description *description)
{
    for (unsigned i = 0; i < VCPU_REGISTERS; i++) {
        if (strcmp(description->name, register_names[i]) != 0)
            continue;
        vcpu->registers[i] = description->handle;
        return 1u << i;
    }
    return 0;
}

bool vcpu_init(struct vcpu *vcpu, unsigned index, struct slot *slot)
{
    struct glib_array *list = qemu_plugin_get_registers();
    const struct qemu_register_description *descriptions = (const void *)list->data;

    vcpu->index = index;
    vcpu->apic_id = index;
    vcpu->lvtpc = PMU_LVT_MASKED;
    vcpu->slot = slot;
    vcpu->bytes = g_byte_array_new();
    unsigned found = 0;
    for (unsigned i = 0; i < list->len; i++)
        found |= take_register(vcpu, &descriptions[i]);
    g_array_free(list, 1);
    vcpu->present = found == (1u << VCPU_REGISTERS) - 1;
    return vcpu->present;
}

uint64_t vcpu_read(struct vcpu *vcpu, enum vcpu_register name)
{
    uint64_t value = 0;
    g_byte_array_set_size(vcpu->bytes, 0);
    if (!qemu_plugin_read_register(vcpu->registers[name], vcpu->bytes))
        return 0;
    size_t bytes = vcpu->bytes->len < sizeof(value) ? vcpu->bytes->len : sizeof(value);
    memcpy(&value, vcpu->bytes->data, bytes);
    return value;
}

void vcpu_write(struct vcpu *vcpu, enum vcpu_register name, uint64_t value)
{
    g_byte_array_set_size(vcpu->bytes, sizeof(value));
    memcpy(vcpu->bytes->data, &value, sizeof(value));
    qemu_plugin_write_register(vcpu->registers[name], vcpu->bytes);
}

uint64_t vcpu_read_pair(struct vcpu *vcpu)
{
    return vcpu_read(vcpu, VCPU_RDX) << 32 | (uint32_t)vcpu_read(vcpu, VCPU_RAX);
}

void vcpu_write_pair(struct vcpu *vcpu, uint64_t value)
{
    vcpu_write(vcpu, VCPU_RAX, (uint32_t)value);
    vcpu_write(vcpu, VCPU_RDX, value >> 32);
}

const struct pmu_counts *vcpu_counts(const struct vcpu *vcpu)
{
    struct slot *slot = vcpu->slot;
    for (unsigned bucket = 0; bucket < PMU_BUCKET_COUNT; bucket++) {
        uint64_t began = slot->blocks[bucket];
        slot->blocks[bucket] = 0;
        slot->counts.events[bucket][PMU_INSTRUCTIONS] +=
            began & ((UINT64_C(1) << SLOT_BRANCH_SHIFT) - 1);
        slot->counts.events[bucket][PMU_BRANCHES] += began >> SLOT_BRANCH_SHIFT;
    }
    return &slot->counts;
}

bool vcpu_is_user(struct vcpu *vcpu)
{
    enum { PROTECTED = 1 };
    const uint64_t virtual_8086 = UINT64_C(1) << 17;
    if (vcpu_read(vcpu, VCPU_CS) & 3)
        return vcpu_read(vcpu, VCPU_CR0) & PROTECTED;
    return vcpu_read(vcpu, VCPU_EFLAGS) & virtual_8086;
}

bool vcpu_load(struct vcpu *vcpu, uint64_t address, void *to, size_t bytes)
{
    g_byte_array_set_size(vcpu->bytes, bytes);
    if (qemu_plugin_read_memory_hwaddr(address, vcpu->bytes, bytes))
        return false;
    memcpy(to, vcpu->bytes->data, bytes);
    return true;
}

bool vcpu_store(struct vcpu *vcpu, uint64_t address, const void *from, size_t bytes)
{
    g_byte_array_set_size(vcpu->bytes, bytes);
    memcpy(vcpu->bytes->data, from, bytes);
    return !qemu_plugin_write_memory_hwaddr(address, vcpu->bytes);
}
