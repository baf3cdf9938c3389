/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ledger: what the machine did, entered per CPU and per VM, for the machine's owner and its
 * hypervisor, and for nobody in a guest. It is kept beside the registers of the PMU, so it goes on
 * whatever they are programmed to count and whoever programs them.
 *
 * Two ways to read it:
 *  - From outside, as a file that is this struct, mapped shared: ledger_copy() takes what is
 *    consistent CPU by CPU. A CPU that runs publishes at every world switch, when it goes idle, and
 *    at the latest after LEDGER_LAG instructions.
 *  - From the hypervisor's kernel mode, as model-specific registers LEDGER_MSR + VM << 12 + item.
 *    They lie outside the three ranges of the MSR permission map (APM vol. 2, 15.11), so that an
 *    access from a guest always exits and no hypervisor can let one through, not even by mistake;
 *    a hypervisor that does not know them answers its guest with #GP. They are only read, so there
 *    is nothing to set up and nothing to break; on Linux /dev/cpu/0/msr does it. Reading
 *    LEDGER_ITEM_FREEZE of VM 0 makes a copy for the CPU that reads; its other items show that
 * copy.
 *
 * VM 0 is the hypervisor: everything outside of guests. VMs are numbered from 1 in the order in
 * which they were first entered; the VMCBs of one VM are known by their common nested page table.
 * What the hypervisor does between an exit and the next VMRUN of that CPU is charged to the exit's
 * reason, whatever it is: after HLT that is everything that ran while the vCPU slept.
 *
 * Conservation: for each CPU and event, machine[] = the sum over the VMs' events.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pmu/event.h"

enum {
    LEDGER_CPUS = 16,
    LEDGER_VMS = 128, /* the hypervisor included; the last takes all that come later */
    LEDGER_EXITS = 200,
    LEDGER_LAG = 1 << 20, /* instructions */
};

#define LEDGER_MAGIC UINT64_C(0x325244454c585456) /* "VTXLEDR2" */
#define LEDGER_MSR UINT32_C(0xB0000000)

/* World switches by reason, and what the hypervisor executed because of them. */
struct ledger_exit {
    uint64_t count;
    uint64_t instructions[2]; /* of the hypervisor: kernel, user */
};

struct ledger_row {
    uint64_t events[2][PMU_EVENT_COUNT]; /* kernel, user */
    uint64_t runs;                       /* VMRUNs */
    struct ledger_exit exits[LEDGER_EXITS];
};

/* Accesses to the registers of the PMU: [0] by the hypervisor, [1] by guests without an exit. */
struct ledger_accesses {
    uint64_t msr_reads[2], msr_writes[2], counter_reads[2];
    uint64_t interrupts[2]; /* PMIs: to the hypervisor, to guests */
};

struct ledger_cpu {
    uint64_t sequence; /* odd while it is being written */
    uint64_t present;
    uint64_t machine[2][PMU_EVENT_COUNT]; /* all that the CPU did: kernel, user */
    struct ledger_accesses accesses;
    struct ledger_row rows[LEDGER_VMS];
};

struct ledger_vm {
    uint64_t nested_cr3; /* the last one; 0: there is no such VM */
    uint64_t vcpus;      /* VMCBs that were entered */
};

struct ledger {
    uint64_t magic;
    uint64_t cpus;                     /* that cpu[] has */
    uint64_t vms;                      /* numbers given, the hypervisor's included */
    uint64_t penalty[PMU_EVENT_COUNT]; /* the cycle model */
    uint64_t uncounted;                /* bit i: nobody counts event i, which stays 0 */
    struct ledger_vm vm[LEDGER_VMS];
    struct ledger_cpu cpu[LEDGER_CPUS];
};

/* One row for each VM, over all CPUs. */
struct ledger_view {
    uint64_t vms;
    uint64_t penalty[PMU_EVENT_COUNT];
    uint64_t uncounted;
    struct ledger_vm vm[LEDGER_VMS];
    uint64_t machine[2][PMU_EVENT_COUNT];
    struct ledger_accesses accesses;
    struct ledger_row rows[LEDGER_VMS];
};

/* Sums up a ledger that others are writing. Returns false when it is none (magic, sizes), or a CPU
 * did not hold still in a million tries. */
bool ledger_copy(const struct ledger *ledger, struct ledger_view *out_view)
    __attribute__((warn_unused_result));

bool ledger_is_counted(const struct ledger_view *view, enum pmu_event event);

/* Cycles of the model, from a row's events at one level. */
uint64_t ledger_cycles(const struct ledger_view *view, const uint64_t events[PMU_EVENT_COUNT]);

/* Where an exit code (APM vol. 2, appendix C) is entered, and what it is called; unknown codes
 * share the last slot. */
unsigned ledger_exit_slot(uint64_t exit_code);
const char *ledger_exit_name(unsigned slot, char out_text[24]);

enum ledger_item {
    LEDGER_ITEM_MAGIC = 0x000, /* VM 0: LEDGER_MAGIC; others: their nested CR3 */
    LEDGER_ITEM_VMS = 0x001,   /* VM 0: numbers given; others: vCPUs */
    LEDGER_ITEM_RUNS = 0x002,
    LEDGER_ITEM_UNCOUNTED = 0x003, /* VM 0 */
    LEDGER_ITEM_FREEZE = 0x00f,    /* VM 0: copies, gives 1 */
    LEDGER_ITEM_KERNEL = 0x010,    /* + enum pmu_event */
    LEDGER_ITEM_USER = 0x020,
    LEDGER_ITEM_MACHINE_KERNEL = 0x030, /* VM 0 */
    LEDGER_ITEM_MACHINE_USER = 0x040,   /* VM 0 */
    LEDGER_ITEM_PENALTY = 0x050,        /* VM 0 */
    LEDGER_ITEM_ACCESS = 0x060,         /* VM 0: + field of ledger_accesses, as 8 numbers */
    LEDGER_ITEM_EXIT_COUNT = 0x100,     /* + slot */
    LEDGER_ITEM_EXIT_KERNEL = 0x200,
    LEDGER_ITEM_EXIT_USER = 0x300,
};

/* True for every number in the range, whether there is such an item or not. */
bool ledger_is_msr(uint32_t msr);
/* False: no such VM or item, a #GP. FREEZE is the caller's to do. */
bool ledger_read_msr(const struct ledger_view *view, uint32_t msr, uint64_t *out_value);
/* The register of an item. */
static inline uint32_t ledger_msr(unsigned vm, unsigned item)
{
    return LEDGER_MSR | vm << 12 | item;
}
