/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plugin: what the parts of the adapter share. One struct plugin, made when QEMU loads us, reaches
 * every callback through its user data.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin/block.h"
#include "plugin/options.h"
#include "plugin/qemu-api.h"
#include "plugin/sample.h"
#include "plugin/vcpu.h"

/* Not canonical, with four or five levels of page tables. */
#define PLUGIN_NO_ADDRESS (UINT64_C(1) << 63)

/* What the frequent callbacks need of a vCPU. */
struct plugin_lane {
    struct plugin *plugin;
    struct vcpu *vcpu;
    struct slot *slot;
    struct memory *memory;
};

/* What the memory callbacks are told: four of them. */
struct plugin_port {
    const struct plugin_lane *lanes;
    enum pmu_bucket bucket;
};

/* The instruction behind a VMRUN: an exit continues there. */
struct plugin_landing {
    struct plugin_landing *next;
    const void *host; /* where QEMU keeps that byte of the machine's memory */
    uint64_t address;
};

struct plugin {
    struct options options;
    struct pmu_config config;
    struct pmu_unknown unknown;
    struct sampler *sampler; /* NULL: no samples */
    struct qemu_plugin_scoreboard *board;
    unsigned vcpu_count;
    struct vcpu *vcpus;        /* vcpu_count */
    struct plugin_lane *lanes; /* vcpu_count */
    struct plugin_port ports[PMU_BUCKET_COUNT];
    pthread_mutex_t lock;            /* for adding a landing or a VM */
    struct plugin_landing *landings; /* read and published atomically; they live as long as QEMU */
    struct ledger *ledger;
};

/* One emulated instruction in its block; lives as long as QEMU. */
struct site {
    struct plugin *plugin;
    const struct block *block;
    uint16_t index;
    enum decode_kind kind;
    uint64_t address, next; /* of the instruction and the one behind it */
    uint8_t target;         /* DECODE_READ_CR2: the register that it writes */
};

/* translate.c: instruments a block. */
void translate_block(struct qemu_plugin_tb *tb, void *plugin);

/* Tells translate.c which vCPU this thread runs: the translation callback is not told. */
void translate_set_vcpu(struct vcpu *vcpu);
struct vcpu *translate_vcpu(void);

/* count.c: takes back what was not executed of the block that is under way. */
void count_take_back(struct vcpu *vcpu, struct block_rest rest);

/* count.c: brings the model up to date before instruction `index` of its block (not executed yet);
 * until count_resume() the slot says the truth of that moment. */
struct block_rest count_pause(struct vcpu *vcpu, const struct site *site);
void count_resume(struct vcpu *vcpu, struct block_rest rest);

/* count.c: the instruction of this site, before which count_pause() and count_advance() were
 * called, was carried out by us: it retires, and the vCPU continues behind it. Does not return. */
__attribute__((noreturn)) void count_finish(struct vcpu *vcpu, const struct site *site);

/* count.c: charges the model and raises what overflowed. */
void count_advance(struct vcpu *vcpu);
/* count.c: sets the clock to the next overflow. */
void count_arm(struct vcpu *vcpu);
/* count.c: makes the next block begin with count_tick(). */
void count_arm_now(struct vcpu *vcpu);

/* Callbacks; user data is the plugin where it does not say otherwise. */
void count_tick(unsigned index, void *plugin);
void count_discontinuity(unsigned index, int type, uint64_t from, uint64_t to, void *plugin);
void count_repeat(unsigned index, void *site);
/* At the start of a block: its counts; the branch before it as well; its fetch; all of them. */
void count_block(unsigned index, void *block);
void count_branch(unsigned index, void *block);
void count_fetch(unsigned index, void *block);
void count_fetch_and_branch(unsigned index, void *block);
void count_load(unsigned index, uint32_t info, uint64_t address, void *port);
void count_store(unsigned index, uint32_t info, uint64_t address, void *port);
void count_remap(unsigned index, void *plugin);
void msr_execute(unsigned index, void *site);
void cr2_read(unsigned index, void *site);
void cpuid_note(unsigned index, void *site);
void cpuid_patch(unsigned index, void *plugin);
void switch_run(unsigned index, void *site);
void switch_exit(unsigned index, void *plugin);
void count_idle(unsigned index, void *plugin);

/* cpuid.c: changes the answer of a CPUID that is under way. */
void cpuid_finish(struct plugin *plugin, struct vcpu *vcpu);

/* msr.c: puts back what raised the #GP of an access that is under way, once that has been delivered
 * or has made the guest exit. */
void msr_settle_fault(struct vcpu *vcpu);

/* switch.c: takes a VMRUN that faulted back. */
void switch_cancel(struct vcpu *vcpu);

/* vnmi.c: virtual NMIs at VMRUN, at IRET in a guest (user data: the plugin) and at #VMEXIT. */
void vnmi_enter(struct vcpu *vcpu);
void vnmi_return(unsigned index, void *plugin);
void vnmi_leave(struct vcpu *vcpu);

/* virq.c: interrupts that the hypervisor injects, at VMRUN, at #VMEXIT, and when VMRUN faulted. */
void virq_enter(struct vcpu *vcpu);
void virq_leave(struct vcpu *vcpu);
void virq_cancel(struct vcpu *vcpu);

/* pmi.c: interrupts of the host, and of the guest that is running or has just been entered. */
void pmi_raise_host(struct vcpu *vcpu);
void pmi_raise_guest(struct vcpu *vcpu);
void pmi_inject(struct vcpu *vcpu);
/* Is an event of the hypervisor's on its way into the guest that is being entered? Then an exit is
 * forced right behind it, to make room for ours. */
bool pmi_must_wait(struct vcpu *vcpu);
/* Makes the running guest exit soon. */
void pmi_kick(struct vcpu *vcpu);
/* Delivers what had to wait for the running guest to allow interrupts, if it does now. */
void pmi_retry(struct vcpu *vcpu);
