/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cpuid: how a PMU and its switch extension announce themselves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pmu/registers.h"
#include "pmu/world.h"

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

/* True when the answer to this leaf depends on the PMU. */
bool pmu_cpuid_concerns(uint32_t leaf);

/* Changes what the processor would answer without us into what it answers with this PMU:
 * Fn8000_0000 the largest leaf; Fn8000_0001 ECX[23] core extension; Fn8000_0008 EBX[1] IRPerfCount;
 * Fn8000_000A EDX[8] PMC virtualization, and EDX[25] vNMI which it needs (APM vol. 2, 15.39), on a
 * processor that has SVM; Fn8000_0022 EAX[0] PerfMonV2, EBX[3:0] number of counters. */
void pmu_cpuid_amend(const struct pmu_config *config, enum pmu_switch design, uint32_t leaf,
                     struct cpuid_result *result);
