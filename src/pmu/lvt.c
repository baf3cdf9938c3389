/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/lvt.h"

enum { MESSAGE_FIXED = 0, MESSAGE_NMI = 4 };

/* EVENTINJ: vector 7:0, type 10:8 (0 interrupt, 2 NMI), valid 31 (APM vol. 2, 15.20). */
enum { INJECT_NMI = 2u << 8 | 2 };
#define INJECT_VALID (UINT64_C(1) << 31)

/* Vectors below 16 are illegal in the local APIC (APM vol. 2, chapter 16). */
enum { LOWEST_VECTOR = 16 };

enum pmu_lvt_kind pmu_lvt_decode(uint32_t lvtpc, uint8_t *out_vector)
{
    unsigned message = lvtpc >> 8 & 7;
    if (lvtpc & PMU_LVT_MASKED)
        return PMU_LVT_NOTHING;
    if (message == MESSAGE_NMI)
        return PMU_LVT_NMI;
    if (message != MESSAGE_FIXED || (lvtpc & 0xff) < LOWEST_VECTOR)
        return PMU_LVT_NOTHING;
    *out_vector = lvtpc & 0xff;
    return PMU_LVT_FIXED;
}

uint64_t pmu_lvt_injection(enum pmu_lvt_kind kind, uint8_t vector)
{
    switch (kind) {
    case PMU_LVT_NMI:
        return INJECT_VALID | INJECT_NMI;
    case PMU_LVT_FIXED:
        return INJECT_VALID | vector;
    case PMU_LVT_NOTHING:
        break;
    }
    return 0;
}
