/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lvt: what the performance counter entry of the local vector table asks for (APM vol. 2, chapter
 * 16: vector 7:0, message type 10:8, mask 16).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    PMU_LVT_OFFSET = 0x340, /* in the APIC page */
    PMU_LVT_X2APIC_MSR = 0x834,
    PMU_LVT_MASKED = 0x10000, /* its value after reset */
    PMU_LVT_WRITABLE = 0x107ff,
};

enum pmu_lvt_kind {
    PMU_LVT_NOTHING, /* masked, or a message type that cannot be delivered */
    PMU_LVT_FIXED,
    PMU_LVT_NMI,
};

enum pmu_lvt_kind pmu_lvt_decode(uint32_t lvtpc, uint8_t *out_vector);

/* EVENTINJ of the VMCB for such an interrupt (APM vol. 2, 15.20). */
uint64_t pmu_lvt_injection(enum pmu_lvt_kind kind, uint8_t vector);
