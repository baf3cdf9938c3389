/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * registers: the core performance monitoring unit of one AMD processor, as software sees it:
 * registers, what they count, when they overflow (APM vol. 2, 13.2).
 *
 * The unit does not see single events. It is given the running totals of the machine whenever it
 * matters (an access, an overflow that is due, a world switch) and charges the difference since the
 * last time to every counter that was on in between; so totals must be handed in *before* anything
 * that changes what is counted.
 *
 * Invariants: counters, IRPerfCount too, hold 48 bits; selects and global registers hold no
 * reserved bit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pmu/event.h"

enum {
    PMU_COUNTERS = 6,        /* with the core extension (APM vol. 2, 13.2) */
    PMU_COUNTERS_LEGACY = 4, /* without */
    PMU_COUNTER_BITS = 48,
};

#define PMU_COUNTER_MASK ((UINT64_C(1) << PMU_COUNTER_BITS) - 1)

/* Event select (APM vol. 2, 13.2). */
#define PMU_SELECT_USER (UINT64_C(1) << 16)
#define PMU_SELECT_KERNEL (UINT64_C(1) << 17)
#define PMU_SELECT_EDGE (UINT64_C(1) << 18)
#define PMU_SELECT_INTERRUPT (UINT64_C(1) << 20)
#define PMU_SELECT_ENABLE (UINT64_C(1) << 22)
#define PMU_SELECT_INVERT (UINT64_C(1) << 23)
#define PMU_SELECT_GUEST_ONLY (UINT64_C(1) << 40)
#define PMU_SELECT_HOST_ONLY (UINT64_C(1) << 41)

enum pmu_msr {
    PMU_MSR_GLOBAL_STATUS = 0xC0000300,
    PMU_MSR_GLOBAL_CONTROL = 0xC0000301,
    PMU_MSR_GLOBAL_STATUS_CLEAR = 0xC0000302,
    PMU_MSR_GLOBAL_STATUS_SET = 0xC0000303,
    PMU_MSR_RETIRED = 0xC00000E9, /* IRPerfCount, see struct pmu_registers */
    PMU_MSR_LEGACY_SELECT0 = 0xC0010000,
    PMU_MSR_LEGACY_COUNTER0 = 0xC0010004,
    PMU_MSR_CORE_SELECT0 = 0xC0010200, /* select, counter, select, ... */
};

struct pmu_registers {
    uint64_t select[PMU_COUNTERS];
    uint64_t counter[PMU_COUNTERS];
    uint64_t global_control;
    uint64_t global_status;
    /* IRPerfCount: instructions, 48 bits, counted while HWCR.IRPerfEn is set (Processor Programming
     * References of families 17h to 1Ah, MSRC000_00E9 and MSRC001_0015) */
    uint64_t retired;
};

/* Which buckets the registers answer for. */
enum pmu_scope {
    PMU_SCOPE_MACHINE, /* host and guests alike: hardware without the switch extension */
    PMU_SCOPE_HOST,    /* the hypervisor's own, switched in */
    PMU_SCOPE_GUEST,   /* a guest's own, switched in as 15.39 has it */
    PMU_SCOPE_AS_HOST, /* a guest's own, where the guest is to see a whole machine */
};

/* The event codes that the model did not know, of all CPUs of a machine: a set of 12-bit codes. */
struct pmu_unknown {
    uint64_t told[4096 / 64];
};

struct pmu_config {
    bool none;           /* no register at all: the machine's totals are all there is */
    bool core_extension; /* six counters, CPUID Fn8000_0001 ECX[23] */
    bool perfmon_v2;     /* the global registers, CPUID Fn8000_0022 EAX[0]; needs core_extension */
    bool retired;        /* IRPerfCount, CPUID Fn8000_0008 EBX[1] (APM vol. 3, E.4.7) */
    uint16_t uncounted;  /* set of 1 << enum pmu_event: the machine does not count them, so that a
                            select for one is answered like an unknown event; cycles do without */
    bool clear_reserved; /* drop reserved bits that are written, as Zen silicon does, no #GP */
    struct pmu_cycle_model cycles;
    /* Called once for each event code that the model does not know and that is not in the set,
     * which CPUs share, each in its own thread; NULL: nobody is told. */
    void (*unknown_event)(void *context, uint64_t select);
    void *context;
    struct pmu_unknown *unknown; /* with unknown_event; outlives the CPUs */
};

struct pmu {
    struct pmu_config config;
    struct pmu_registers registers;
    enum pmu_scope scope;
    bool svm_enabled;     /* EFER.SVME: HostOnly and GuestOnly count nothing without it */
    bool retired_enabled; /* HWCR.IRPerfEn: bit 30 of MSRC001_0015 */
    struct pmu_counts base;
    struct pmu_selector {
        bool on;
        uint8_t buckets; /* set of 1 << enum pmu_bucket */
        struct pmu_mix mix;
    } selectors[PMU_COUNTERS]; /* what registers.select means, resolved */
};

enum pmu_access {
    PMU_ACCESS_NONE, /* not a register of this unit: not ours to answer */
    PMU_ACCESS_DONE,
    PMU_ACCESS_FAULT, /* #GP(0) */
};

void pmu_init(struct pmu *pmu, const struct pmu_config *config);

/* Number of counters that software sees. */
unsigned pmu_counter_count(const struct pmu *pmu);

/* True when the number is one of this unit's registers. */
bool pmu_has_msr(const struct pmu *pmu, uint32_t msr);

/* RDMSR, WRMSR and RDPMC, at CPL 0 or permitted; totals first, by pmu_advance(). A write of a
 * reserved bit is a fault (APM vol. 2, 13.2), unless config.clear_reserved. Reading the status
 * clear and set registers gives 0; writing the status is without effect: it is read-only there. */
enum pmu_access pmu_read_msr(const struct pmu *pmu, uint32_t msr, uint64_t *out_value)
    __attribute__((warn_unused_result));
enum pmu_access pmu_write_msr(struct pmu *pmu, uint32_t msr, uint64_t value)
    __attribute__((warn_unused_result));
enum pmu_access pmu_read_counter(const struct pmu *pmu, uint32_t index, uint64_t *out_value)
    __attribute__((warn_unused_result));

/* Charges what happened since the last call. Returns the set of counters (bit i: counter i) that
 * overflowed out of bit 47 with their interrupt bit set: the caller raises one PMI if it is not
 * empty (APM vol. 2, 13.2). */
unsigned pmu_advance(struct pmu *pmu, const struct pmu_counts *now);

/* How many instructions may retire before pmu_advance() is due: no interrupting counter can
 * overflow earlier, within what pmu_mix_rate() promises. UINT64_MAX: none is armed. */
uint64_t pmu_distance(const struct pmu *pmu);

/* Replaces what decides the meaning of the selects. Totals first. */
void pmu_set_registers(struct pmu *pmu, const struct pmu_registers *registers,
                       enum pmu_scope scope);
void pmu_set_svm_enabled(struct pmu *pmu, bool enabled);

/* The set of buckets that a select with these bits counts in. */
unsigned pmu_select_buckets(uint64_t select, enum pmu_scope scope, bool svm_enabled);

/* Bits of a select and of the global registers that software may set. */
uint64_t pmu_select_writable(void);
uint64_t pmu_global_writable(const struct pmu *pmu);
