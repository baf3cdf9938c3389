/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/cpuid.h"

enum {
    LEAF_LARGEST = 0x80000000,
    LEAF_FEATURES = 0x80000001,
    LEAF_SIZES = 0x80000008,
    LEAF_SVM = 0x8000000A,
    LEAF_PERFMON = 0x80000022,
    SVM_REVISION = 0xff, /* of Fn8000_000A EAX; 0: no SVM */
};

static void assign_bit(uint32_t *word, unsigned bit, bool value)
{
    *word = (*word & ~(UINT32_C(1) << bit)) | (uint32_t)value << bit;
}

bool pmu_cpuid_concerns(uint32_t leaf)
{
    return leaf == LEAF_LARGEST || leaf == LEAF_FEATURES || leaf == LEAF_SIZES ||
           leaf == LEAF_SVM || leaf == LEAF_PERFMON;
}

void pmu_cpuid_amend(const struct pmu_config *config, enum pmu_switch design, uint32_t leaf,
                     struct cpuid_result *result)
{
    switch (leaf) {
    case LEAF_LARGEST:
        if (config->perfmon_v2 && result->eax < LEAF_PERFMON)
            result->eax = LEAF_PERFMON;
        break;
    case LEAF_FEATURES:
        assign_bit(&result->ecx, 23, config->core_extension);
        break;
    case LEAF_SIZES:
        assign_bit(&result->ebx, 1, config->retired);
        break;
    case LEAF_SVM:
        if (!(result->eax & SVM_REVISION))
            break;
        assign_bit(&result->edx, 8, design == PMU_SWITCH_ARCHITECTURAL);
        if (design == PMU_SWITCH_ARCHITECTURAL)
            assign_bit(&result->edx, 25, true);
        break;
    case LEAF_PERFMON:
        *result = (struct cpuid_result){.eax = config->perfmon_v2,
                                        .ebx = config->perfmon_v2 ? PMU_COUNTERS : 0};
        break;
    default:
        break;
    }
}
