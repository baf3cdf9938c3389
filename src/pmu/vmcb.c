/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/vmcb.h"

#include <string.h>

#include "pmu/lvt.h"

/* "vtaxPMU1", little-endian. */
#define BLOCK_MAGIC UINT64_C(0x31554d5078617476)

enum {
    BLOCK_MAGIC_AT = PMU_VMCB_BLOCK,
    BLOCK_ADDRESS = PMU_VMCB_BLOCK + 0x08,
    BLOCK_SELECT0 = PMU_VMCB_BLOCK + 0x10,
    BLOCK_RETIRED = PMU_VMCB_BLOCK + 0x70,
    BLOCK_GLOBAL_STATUS = PMU_VMCB_BLOCK + 0x78,
    BLOCK_GLOBAL_CONTROL = PMU_VMCB_BLOCK + 0x80,
    BLOCK_LVTPC = PMU_VMCB_BLOCK + 0x88,
    BLOCK_TOTALS = PMU_VMCB_BLOCK + 0x90,
    BLOCK_RUNS = BLOCK_TOTALS + 2 * PMU_EVENT_COUNT * 8,
};
_Static_assert(BLOCK_RUNS + 8 == PMU_VMCB_BLOCK + PMU_VMCB_BLOCK_BYTES,
               "the layout in the header is the layout");

uint64_t pmu_vmcb_read64(const uint8_t *page, size_t offset)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)page[offset + i] << 8 * i;
    return value;
}

void pmu_vmcb_write64(uint8_t *page, size_t offset, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        page[offset + i] = value >> 8 * i & 0xff;
}

void pmu_guest_reset(struct pmu_guest *guest, uint64_t global_control)
{
    *guest = (struct pmu_guest){.registers = {.global_control = global_control},
                                .lvtpc = PMU_LVT_MASKED};
}

struct layout {
    size_t select0, retired, global_status, global_control;
};

static const struct layout save_area = {
    .select0 = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_SELECT0,
    .retired = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_RETIRED,
    .global_status = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_GLOBAL_STATUS,
    .global_control = PMU_VMCB_SAVE_AREA + PMU_VMCB_SAVE_GLOBAL_CONTROL,
};

static const struct layout block = {
    .select0 = BLOCK_SELECT0,
    .retired = BLOCK_RETIRED,
    .global_status = BLOCK_GLOBAL_STATUS,
    .global_control = BLOCK_GLOBAL_CONTROL,
};

static void load(const uint8_t *page, const struct layout *at, struct pmu_registers *registers)
{
    for (size_t i = 0; i < PMU_COUNTERS; i++) {
        registers->select[i] = pmu_vmcb_read64(page, at->select0 + 16 * i);
        registers->counter[i] = pmu_vmcb_read64(page, at->select0 + 16 * i + 8);
    }
    registers->retired = pmu_vmcb_read64(page, at->retired);
    registers->global_status = pmu_vmcb_read64(page, at->global_status);
    registers->global_control = pmu_vmcb_read64(page, at->global_control);
}

static void store(uint8_t *page, const struct layout *at, const struct pmu_registers *registers)
{
    for (size_t i = 0; i < PMU_COUNTERS; i++) {
        pmu_vmcb_write64(page, at->select0 + 16 * i, registers->select[i]);
        pmu_vmcb_write64(page, at->select0 + 16 * i + 8, registers->counter[i]);
    }
    pmu_vmcb_write64(page, at->retired, registers->retired);
    pmu_vmcb_write64(page, at->global_status, registers->global_status);
    pmu_vmcb_write64(page, at->global_control, registers->global_control);
}

void pmu_vmcb_load_registers(const uint8_t *page, struct pmu_registers *out_registers)
{
    load(page, &save_area, out_registers);
}

void pmu_vmcb_store_registers(uint8_t *page, const struct pmu_registers *registers)
{
    store(page, &save_area, registers);
}

static void drop_impossible_bits(struct pmu_registers *registers, uint64_t global_writable)
{
    for (size_t i = 0; i < PMU_COUNTERS; i++) {
        registers->select[i] &= pmu_select_writable();
        registers->counter[i] &= PMU_COUNTER_MASK;
    }
    registers->retired &= PMU_COUNTER_MASK;
    registers->global_status &= global_writable;
    registers->global_control &= global_writable;
}

bool pmu_vmcb_load_block(const uint8_t *page, uint64_t address, uint64_t global_writable,
                         struct pmu_guest *out_guest)
{
    if (pmu_vmcb_read64(page, BLOCK_MAGIC_AT) != BLOCK_MAGIC ||
        pmu_vmcb_read64(page, BLOCK_ADDRESS) != address)
        return false;
    load(page, &block, &out_guest->registers);
    drop_impossible_bits(&out_guest->registers, global_writable);
    uint64_t lvtpc = pmu_vmcb_read64(page, BLOCK_LVTPC);
    out_guest->lvtpc = lvtpc & PMU_LVT_WRITABLE;
    out_guest->pmi_pending = lvtpc >> 32 & 1;
    out_guest->retired_enabled = lvtpc >> 33 & 1;
    for (size_t i = 0; i < 2 * PMU_EVENT_COUNT; i++)
        out_guest->totals[i / PMU_EVENT_COUNT][i % PMU_EVENT_COUNT] =
            pmu_vmcb_read64(page, BLOCK_TOTALS + 8 * i);
    out_guest->runs = pmu_vmcb_read64(page, BLOCK_RUNS);
    return true;
}

void pmu_vmcb_store_block(uint8_t *page, uint64_t address, const struct pmu_guest *guest)
{
    pmu_vmcb_write64(page, BLOCK_MAGIC_AT, BLOCK_MAGIC);
    pmu_vmcb_write64(page, BLOCK_ADDRESS, address);
    store(page, &block, &guest->registers);
    pmu_vmcb_write64(page, BLOCK_LVTPC,
                     guest->lvtpc | (uint64_t)guest->pmi_pending << 32 |
                         (uint64_t)guest->retired_enabled << 33);
    for (size_t i = 0; i < 2 * PMU_EVENT_COUNT; i++)
        pmu_vmcb_write64(page, BLOCK_TOTALS + 8 * i,
                         guest->totals[i / PMU_EVENT_COUNT][i % PMU_EVENT_COUNT]);
    pmu_vmcb_write64(page, BLOCK_RUNS, guest->runs);
}
