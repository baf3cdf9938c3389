/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/event.h"

#include <stddef.h>

#include "base/mem.h"

const struct pmu_cycle_model pmu_cycle_fallback = {.penalty = {
                                                       [PMU_INSTRUCTIONS] = 1,
                                                       [PMU_BRANCH_MISSES] = 15,
                                                       [PMU_L1D_MISSES] = 12,
                                                       [PMU_L1I_MISSES] = 12,
                                                       [PMU_LLC_MISSES] = 150,
                                                       [PMU_DTLB_MISSES] = 20,
                                                       [PMU_ITLB_MISSES] = 20,
                                                   }};

static const char *const event_names[PMU_EVENT_COUNT] = {
    [PMU_INSTRUCTIONS] = "instructions",
    [PMU_BRANCHES] = "branches",
    [PMU_BRANCH_MISSES] = "branch-misses",
    [PMU_LOADS] = "loads",
    [PMU_STORES] = "stores",
    [PMU_L1D_MISSES] = "l1d-misses",
    [PMU_LLC_REFERENCES] = "llc-references",
    [PMU_LLC_MISSES] = "llc-misses",
    [PMU_L1I_REFERENCES] = "l1i-references",
    [PMU_L1I_MISSES] = "l1i-misses",
    [PMU_DTLB_MISSES] = "dtlb-misses",
    [PMU_ITLB_MISSES] = "itlb-misses",
};

#define BIT(event) (1u << (event))

/* The first row whose code fits and whose unit mask has a bit in common (0: any mask) adds its
 * events, and so does every later one. */
struct code {
    uint16_t code;
    uint8_t masks;
    uint16_t events; /* set of BIT(enum pmu_event) */
};

static const struct code codes[] = {
    {0x0c0, 0, BIT(PMU_INSTRUCTIONS)},
    {0x0c2, 0, BIT(PMU_BRANCHES)},
    {0x0c3, 0, BIT(PMU_BRANCH_MISSES)},
    /* load and store operations dispatched (17h); 04h is one operation that does both */
    {0x029, 0x05, BIT(PMU_LOADS)},
    {0x029, 0x06, BIT(PMU_STORES)},
    /* data cache: accesses, misses (10h), refills from beyond (10h: 42h, 43h; 17h: 43h) */
    {0x040, 0, BIT(PMU_LOADS) | BIT(PMU_STORES)},
    {0x041, 0, BIT(PMU_L1D_MISSES)},
    {0x042, 0, BIT(PMU_L1D_MISSES)},
    {0x043, 0, BIT(PMU_L1D_MISSES)},
    /* what leaves the first level (17h): 10h for instructions, the others for data */
    {0x060, 0xe8, BIT(PMU_L1D_MISSES)},
    {0x060, 0x10, BIT(PMU_L1I_MISSES)},
    /* and misses the next (17h): the model has one level beyond the first */
    {0x064, 0x09, BIT(PMU_LLC_MISSES)},
    /* the second level (10h) */
    {0x07d, 0, BIT(PMU_LLC_REFERENCES)},
    {0x07e, 0, BIT(PMU_LLC_MISSES)},
    /* instruction cache */
    {0x080, 0, BIT(PMU_L1I_REFERENCES)},
    {0x081, 0, BIT(PMU_L1I_MISSES)},
    /* translation: 45h (17h) and 46h (10h) data, 84h and 85h instructions */
    {0x045, 0, BIT(PMU_DTLB_MISSES)},
    {0x046, 0, BIT(PMU_DTLB_MISSES)},
    {0x084, 0, BIT(PMU_ITLB_MISSES)},
    {0x085, 0, BIT(PMU_ITLB_MISSES)},
};

enum { CODE_CYCLES = 0x076 };

/* How often a basic event occurs in one instruction at most, string and state-saving instructions
 * aside. */
static const uint8_t most_per_instruction[PMU_EVENT_COUNT] = {
    [PMU_INSTRUCTIONS] = 1,   [PMU_BRANCHES] = 1,   [PMU_BRANCH_MISSES] = 1,  [PMU_LOADS] = 2,
    [PMU_STORES] = 2,         [PMU_L1D_MISSES] = 4, [PMU_LLC_REFERENCES] = 6, [PMU_LLC_MISSES] = 6,
    [PMU_L1I_REFERENCES] = 2, [PMU_L1I_MISSES] = 2, [PMU_DTLB_MISSES] = 4,    [PMU_ITLB_MISSES] = 2,
};

const char *pmu_event_name(enum pmu_event event)
{
    return event < PMU_EVENT_COUNT ? event_names[event] : "unknown";
}

static void weigh_cycles(const struct pmu_cycle_model *cycles, int32_t weight[PMU_EVENT_COUNT])
{
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        weight[i] += cycles->penalty[i];
}

static bool weigh_code(unsigned code, unsigned mask, const struct pmu_cycle_model *cycles,
                       int32_t weight[PMU_EVENT_COUNT])
{
    unsigned events = 0;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i].code == code && (!codes[i].masks || (codes[i].masks & mask)))
            events |= codes[i].events;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        weight[i] = events >> i & 1;
    if (code == CODE_CYCLES)
        weigh_cycles(cycles, weight);
    return events || code == CODE_CYCLES;
}

/* True when the mix is one event that occurs at most once an instruction. */
static bool is_single(const int32_t weight[PMU_EVENT_COUNT])
{
    unsigned most = 0;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        most += weight[i] ? most_per_instruction[i] : 0;
    return most == 1;
}

/* Counter mask and invert (APM vol. 2, 13.2) on the model's time line: see the header. */
static bool apply_mask(unsigned least, bool invert, bool is_cycles,
                       const struct pmu_cycle_model *cycles, int32_t weight[PMU_EVENT_COUNT])
{
    if (!least)
        return true;
    if (!is_cycles && !is_single(weight))
        return false;
    bool reached = least == 1;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        weight[i] = (reached ? weight[i] : 0) * (invert ? -1 : 1);
    if (invert)
        weigh_cycles(cycles, weight);
    return true;
}

bool pmu_event_resolve(uint64_t select, const struct pmu_cycle_model *cycles,
                       struct pmu_mix *out_mix)
{
    unsigned code = (select & 0xff) | (select >> 24 & 0xf00);
    bool edge = select >> 18 & 1;
    bool invert = select >> 23 & 1;
    unsigned least = select >> 24 & 0xff;
    int32_t weight[PMU_EVENT_COUNT];

    *out_mix = (struct pmu_mix){0};
    if (edge || !weigh_code(code, select >> 8 & 0xff, cycles, weight) ||
        !apply_mask(least, invert, code == CODE_CYCLES, cycles, weight))
        return false;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        if (weight[i])
            out_mix->term[out_mix->terms++] = (struct pmu_term){.event = i, .weight = weight[i]};
    return true;
}

uint64_t pmu_mix_rate(const struct pmu_mix *mix)
{
    uint64_t rate = 0;
    for (unsigned i = 0; i < mix->terms; i++)
        if (mix->term[i].weight > 0)
            rate += (uint64_t)mix->term[i].weight * most_per_instruction[mix->term[i].event];
    return rate ? rate : 1;
}
