/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * event: what the model counts, and what an AMD event code means in it.
 *
 * The machine counts a dozen basic events in four buckets, {host, guest} x {kernel, user}. Whatever
 * a counter is programmed to count is a weighted sum of basic events, a mix: cycles are one too, so
 * they are a stated model and never a claim about silicon.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pmu_event {
    PMU_INSTRUCTIONS,
    PMU_BRANCHES,
    PMU_BRANCH_MISSES,
    PMU_LOADS,
    PMU_STORES,
    PMU_L1D_MISSES,
    PMU_LLC_REFERENCES,
    PMU_LLC_MISSES,
    PMU_L1I_REFERENCES,
    PMU_L1I_MISSES,
    PMU_DTLB_MISSES,
    PMU_ITLB_MISSES,
    PMU_EVENT_COUNT
};

/* The bucket is 2 * guest + user; user is CPL > 0. */
enum pmu_bucket {
    PMU_HOST_KERNEL,
    PMU_HOST_USER,
    PMU_GUEST_KERNEL,
    PMU_GUEST_USER,
    PMU_BUCKET_COUNT
};

/* Everything that happened since the machine started; the adapter only ever adds to it. */
struct pmu_counts {
    uint64_t events[PMU_BUCKET_COUNT][PMU_EVENT_COUNT];
};

/* Cycles = instructions + for each basic event its penalty. In cycles; the fallback is
 * pmu_cycle_fallback. */
struct pmu_cycle_model {
    uint16_t penalty[PMU_EVENT_COUNT]; /* [PMU_INSTRUCTIONS]: cycles an instruction takes itself */
};

extern const struct pmu_cycle_model pmu_cycle_fallback;

/* Weights of the terms, over the basic events that occur in it. */
struct pmu_mix {
    unsigned terms;
    struct pmu_term {
        uint8_t event; /* enum pmu_event */
        int32_t weight;
    } term[PMU_EVENT_COUNT];
};

/* The short name ("branch-misses"), as options and tables show it. */
const char *pmu_event_name(enum pmu_event event);

/* What an event select (MSR layout: APM vol. 2, 13.2) counts: event code in bits 35:32 and 7:0,
 * unit mask in 15:8, edge 18, invert 23, counter mask 31:24. The codes are those that Linux' perf
 * uses for family 10h and for families 17h and 19h. Returns false, with an empty mix, where nothing
 * in the model answers to it; such a counter counts nothing, as on hardware without that event.
 *
 * In the model at most one instruction retires in a cycle, so a counter mask of 1 changes nothing
 * for an event that occurs at most once an instruction, a larger one leaves nothing, and inverted
 * it counts the other cycles. Edges have no meaning without a time line and are not answered. */
bool pmu_event_resolve(uint64_t select, const struct pmu_cycle_model *cycles,
                       struct pmu_mix *out_mix);

/* By how much a mix can grow while one instruction retires, at least 1. String and state-saving
 * instructions can exceed it: they are the skid of an overflow of a memory event. */
uint64_t pmu_mix_rate(const struct pmu_mix *mix);
