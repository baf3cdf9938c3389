/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmcb: where a VM's PMU state lies in its VMCB page, in both designs.
 *
 * Architectural (APM vol. 2, 15.39 and appendix B): bit 3 of 0B8h enables it, the registers are at
 * fixed places of the save area, and the hypervisor knows about them. Transparent: the hypervisor
 * knows nothing, so the state lies in the tail of the page, which appendix B leaves unused and
 * which stock hypervisors clear once and never touch again. The transparent block also holds the
 * VM's totals, so that the hypervisor, and nobody inside, can read them from memory it owns:
 *
 *   E00h  magic "vtaxPMU1"; anything else there means: a new VM, state as after reset
 *   E08h  physical address of the page, so that a copied page is not taken for this VM
 *   E10h  select 0, counter 0 .. select 5, counter 5
 *   E70h  IRPerfCount, global status, global control
 *   E88h  LVTPC as the guest last wrote it (31:0); 32: a PMI waits; 33: IRPerfCount is enabled
 *   E90h  totals: kernel, then user; each in the order of enum pmu_event
 *   F50h  VMRUNs so far
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pmu/registers.h"

enum {
    PMU_VMCB_BYTES = 4096,

    /* control area and save area (APM vol. 2, appendix B) */
    PMU_VMCB_INTERRUPT_CONTROL = 0x060, /* V_NMI pending 11, masked 12, enabled 26 */
    PMU_VMCB_EXIT_CODE = 0x070,
    PMU_VMCB_EXIT_INFO1 = 0x078,
    PMU_VMCB_EXIT_INFO2 = 0x080,
    PMU_VMCB_EVENT_INJECTION = 0x0A8,
    PMU_VMCB_VIRTUALIZATION = 0x0B8, /* PMC virtualization: bit 3 */
    PMU_VMCB_SAVE_AREA = 0x400,
    PMU_VMCB_SAVE_SELECT0 = 0x0E0, /* in the save area: select 0, counter 0, ... to 138h */
    PMU_VMCB_SAVE_RETIRED = 0x1C0,
    PMU_VMCB_SAVE_GLOBAL_STATUS = 0x1C8,
    PMU_VMCB_SAVE_GLOBAL_CONTROL = 0x1D0,
    PMU_VMCB_SAVE_RIP = 0x178,

    PMU_VMCB_BLOCK = 0xE00, /* the transparent block */
    PMU_VMCB_BLOCK_BYTES = 0x158,
};

#define PMU_VMCB_VIRTUALIZE_PMC (UINT64_C(1) << 3)
#define PMU_VMCB_NMI_PENDING (UINT64_C(1) << 11)
#define PMU_VMCB_NMI_ENABLED (UINT64_C(1) << 26)

/* The exit codes of a VMRUN that fails: VMEXIT_INVALID, an illegal VMCB (appendix C), and
 * VMEXIT_INVALID_PMC, invalid PMC state (15.39). */
#define PMU_EXIT_INVALID UINT64_C(0xffffffffffffffff)
#define PMU_EXIT_INVALID_PMC UINT64_C(0xfffffffffffffffc)

/* A VM's own state: what the switch loads and saves. */
struct pmu_guest {
    struct pmu_registers registers;
    uint32_t lvtpc;                      /* transparent only */
    bool retired_enabled;                /* its HWCR.IRPerfEn; transparent only */
    bool pmi_pending;                    /* an overflow that the guest has not been told of */
    uint64_t totals[2][PMU_EVENT_COUNT]; /* kernel, user; transparent only */
    uint64_t runs;                       /* transparent only */
};

/* A guest as after reset: every counter zero and on globally, LVTPC masked. */
void pmu_guest_reset(struct pmu_guest *guest, uint64_t global_control);

/* From and to a page of PMU_VMCB_BYTES; only the bytes of the design are read or written. */
void pmu_vmcb_load_registers(const uint8_t *page, struct pmu_registers *out_registers);
void pmu_vmcb_store_registers(uint8_t *page, const struct pmu_registers *registers);

/* Transparent. address is that of the page itself. Returns false, and leaves *out_guest alone, when
 * the block is not one of ours; bits that no register can hold are dropped: the page is memory that
 * anything may have written. */
bool pmu_vmcb_load_block(const uint8_t *page, uint64_t address, uint64_t global_writable,
                         struct pmu_guest *out_guest);
void pmu_vmcb_store_block(uint8_t *page, uint64_t address, const struct pmu_guest *guest);

uint64_t pmu_vmcb_read64(const uint8_t *page, size_t offset);
void pmu_vmcb_write64(uint8_t *page, size_t offset, uint64_t value);
