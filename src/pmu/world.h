/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world: one CPU's PMU across world switches: which registers are in it, and what VMRUN and #VMEXIT
 * do to them.
 *
 * Three designs. None: one set of registers for host and guests, as processors have it; a guest's
 * accesses are the hypervisor's to permit. Architectural (APM vol. 2, 15.39): a VMCB that asks for
 * it has its own set, loaded and saved by the switch; the host's selects, counters and global
 * control are lost (swap type C), its IRPerfCount and status are kept (swap type A). Transparent:
 * every VM has its own set, the host's is kept whole, and the guest's accesses reach its set
 * without an exit: a hypervisor that knows nothing is not disturbed.
 *
 * Totals in the calls below are those of the machine at that moment, as in registers.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pmu/registers.h"
#include "pmu/vmcb.h"

enum pmu_switch {
    PMU_SWITCH_NONE,
    PMU_SWITCH_ARCHITECTURAL,
    PMU_SWITCH_TRANSPARENT,
};

struct pmu_cpu {
    enum pmu_switch design;
    struct pmu pmu; /* what is in the registers now */
    bool in_guest;
    bool switched;             /* the registers are the guest's own */
    uint64_t vmcb;             /* physical address of the running guest's VMCB */
    struct pmu_registers host; /* while switched: what the host gets back */
    bool host_retired_enabled; /* the same, HWCR.IRPerfEn; transparent only */
    struct pmu_guest guest;    /* while switched: all but its registers, which are in pmu */
    struct pmu_counts entered; /* totals when the guest was entered */
    uint64_t host_totals[2][PMU_EVENT_COUNT]; /* kernel, user: of this CPU outside guests */
    struct pmu_counts left;                   /* totals when the host was last charged */
};

void pmu_cpu_init(struct pmu_cpu *cpu, const struct pmu_config *config, enum pmu_switch design);

/* What a world switch leaves for the CPU to do. */
struct pmu_outcome {
    unsigned host_interrupts; /* counters of the world outside that overflowed: raise its PMI */
    bool guest_pmi;           /* an overflow of the guest entered or left waits for delivery */
    uint64_t refusal; /* VMRUN fails with this exit code and nothing was loaded; 0: not so */
};

/* VMRUN. page is the VMCB, PMU_VMCB_BYTES at physical address vmcb; it is read, not written. */
struct pmu_outcome pmu_cpu_enter(struct pmu_cpu *cpu, const uint8_t *page, uint64_t vmcb,
                                 const struct pmu_counts *now) __attribute__((warn_unused_result));

/* #VMEXIT: the guest's state goes to page (the same VMCB), the host's comes back. */
struct pmu_outcome pmu_cpu_leave(struct pmu_cpu *cpu, uint8_t *page, const struct pmu_counts *now)
    __attribute__((warn_unused_result));

/* Charges totals between switches. Returns what pmu_advance() returns: the interrupts are the
 * guest's while cpu->switched, the host's otherwise. */
unsigned pmu_cpu_advance(struct pmu_cpu *cpu, const struct pmu_counts *now);

/* True when an access from where the CPU is now reaches the registers without asking the
 * hypervisor: in the host, and in a guest that has its own set and need not exit (transparent; in
 * the architectural design the permission map still decides). */
bool pmu_cpu_access_direct(const struct pmu_cpu *cpu);
