/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vcpu: one CPU of the emulated machine: its PMU, and its registers and memory through QEMU.
 *
 * A vCPU's state is touched by that vCPU's thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pmu/injection.h"
#include "pmu/ledger.h"
#include "pmu/world.h"
#include "plugin/block.h"
#include "plugin/memory.h"
#include "plugin/qemu-api.h"

enum vcpu_register {
    VCPU_RAX, /* in the order of their x86 numbers */
    VCPU_RCX,
    VCPU_RDX,
    VCPU_RBX,
    VCPU_RSP,
    VCPU_RBP,
    VCPU_RSI,
    VCPU_RDI,
    VCPU_R8,
    VCPU_R15 = VCPU_R8 + 7,
    VCPU_CS,
    VCPU_EFLAGS,
    VCPU_CR0,
    VCPU_CR2,
    VCPU_CR3,
    VCPU_CR4,
    VCPU_EFER,
    VCPU_REGISTERS
};

/* What is touched whenever a block begins: one for each vCPU, in QEMU's scoreboard. */
struct slot {
    struct pmu_counts counts;          /* read them through vcpu_counts() */
    uint64_t blocks[PMU_BUCKET_COUNT]; /* what began since: instructions, branches << 40 */
    uint64_t clock;                    /* + 1 an instruction; an overflow is due at CLOCK_DUE */
    const struct block *block;         /* the translation block that began last */
};

#define CLOCK_DUE (UINT64_C(1) << 63)

struct vcpu_stats {
    struct ledger_accesses accesses;
    uint64_t runs, exits, ticks;
    uint64_t injections, busy, masked;
};

/* Where this CPU's entries go, see book.h. */
struct book {
    const struct ledger *ledger;
    struct ledger_cpu *cpu;
    struct pmu_counts charged;  /* what has been entered */
    unsigned vm;                /* that runs, or ran last; 0: none yet */
    struct ledger_exit *exit;   /* what the hypervisor is working on; NULL: nothing of a guest's */
    struct ledger_view *frozen; /* for reads by the machine; NULL: none yet */
};

/* Whether an access of a guest exits, and the bit of the permission map that says so. */
struct vcpu_permission {
    bool exits;
    uint8_t bit;      /* set: exits */
    uint64_t address; /* of its byte; 0: no bit decides */
};

struct vcpu {
    unsigned index;
    bool present;
    struct pmu_cpu cpu;
    struct slot *slot;
    struct qemu_plugin_register *registers[VCPU_REGISTERS];
    struct glib_bytes *bytes; /* what registers and memory pass through */
    uint32_t lvtpc;           /* in x2APIC mode, as it was last written */
    uint32_t apic_id;         /* as CPUID Fn0000_0001 said; before, the index */
    bool x2apic;              /* of the host's APIC_BASE */
    bool guest_nmi_always;    /* option guest-lvt=nmi */
    bool deferred;            /* a fixed interrupt waits for the guest to allow interrupts */
    bool nmi_enabled, nmi_masked, nmi_waits; /* of the running guest, see vnmi.c */
    bool kicked;                             /* an exit was asked for and has not come */
    bool virtual_interrupt;                  /* stands for an injection, see virq.c */
    struct injection injection;              /* what the hypervisor has in its place */
    bool amend_cpuid;                        /* CPUID is under way, leaf is its leaf */
    uint32_t leaf;
    bool raised;      /* an exception is on its way */
    bool restore_rcx; /* a #GP is under way, see msr.c */
    uint64_t rcx;
    struct vcpu_permission permitted; /* meanwhile, though it exits */
    bool restore_address;             /* a #GP of an RDPMC is under way, see msr.c */
    uint64_t fault_address;
    uint64_t run_address;         /* of the VMRUN that entered the guest */
    struct block_arena arena;     /* of what its thread translates */
    uint8_t page[PMU_VMCB_BYTES]; /* the VMCB, while a switch is worked on */
    struct book book;
    struct memory *memory; /* NULL: neither caches nor predictor are modelled */
    struct vcpu_stats stats;
    struct sampling *sampling; /* NULL: no samples are taken (sample.h) */
};

/* Looks up the registers; must be called in the vCPU's thread. False: a register is missing. */
bool vcpu_init(struct vcpu *vcpu, unsigned index, struct slot *slot);

uint64_t vcpu_read(struct vcpu *vcpu, enum vcpu_register name);
void vcpu_write(struct vcpu *vcpu, enum vcpu_register name, uint64_t value);

/* EDX:EAX, as RDMSR and RDPMC leave it. */
uint64_t vcpu_read_pair(struct vcpu *vcpu);
void vcpu_write_pair(struct vcpu *vcpu, uint64_t value);

/* Each block adds instructions and branches with one addition: they are 1,048,576 at most until the
 * clock is due (LEDGER_LAG). */
#define SLOT_BRANCH_SHIFT 40

/* The counts with what began since. */
const struct pmu_counts *vcpu_counts(const struct vcpu *vcpu);

/* CPL > 0. */
bool vcpu_is_user(struct vcpu *vcpu);

/* Physical memory. False, with *to unchanged, when there is none. */
bool vcpu_load(struct vcpu *vcpu, uint64_t address, void *to, size_t bytes);
bool vcpu_store(struct vcpu *vcpu, uint64_t address, const void *from, size_t bytes);
