/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/registers.h"

#include <stddef.h>
#include <string.h>

/* Reserved: 19, 21, 39:36, 63:42 (APM vol. 2, 13.2). */
#define SELECT_RESERVED                                                                            \
    (UINT64_C(1) << 19 | UINT64_C(1) << 21 | UINT64_C(0xf) << 36 | ~UINT64_C(0) << 42)

enum { KERNEL_BUCKETS = 1 << PMU_HOST_KERNEL | 1 << PMU_GUEST_KERNEL };
enum { USER_BUCKETS = 1 << PMU_HOST_USER | 1 << PMU_GUEST_USER };
enum { HOST_BUCKETS = 1 << PMU_HOST_KERNEL | 1 << PMU_HOST_USER };
enum { GUEST_BUCKETS = 1 << PMU_GUEST_KERNEL | 1 << PMU_GUEST_USER };

uint64_t pmu_select_writable(void)
{
    return ~SELECT_RESERVED;
}

unsigned pmu_counter_count(const struct pmu *pmu)
{
    return pmu->config.core_extension ? PMU_COUNTERS : PMU_COUNTERS_LEGACY;
}

uint64_t pmu_global_writable(const struct pmu *pmu)
{
    return (UINT64_C(1) << pmu_counter_count(pmu)) - 1;
}

/* HostOnly and GuestOnly: with one of them the counter counts in that world only, and only while
 * EFER.SVME is set; with both or none in either (APM vol. 2, 13.2). */
static unsigned world_buckets(uint64_t select, enum pmu_scope scope, bool svm_enabled)
{
    bool host_only = select & PMU_SELECT_HOST_ONLY;
    bool guest_only = select & PMU_SELECT_GUEST_ONLY;
    bool restricted = host_only || guest_only;
    bool in_host = !restricted || host_only;
    bool in_guest = !restricted || guest_only;

    switch (scope) {
    case PMU_SCOPE_GUEST:
        return in_guest ? GUEST_BUCKETS : 0;
    case PMU_SCOPE_AS_HOST: /* its own guests, if any, run behind another VMCB */
        return in_host ? GUEST_BUCKETS : 0;
    case PMU_SCOPE_HOST:
        return in_host && (svm_enabled || !restricted) ? HOST_BUCKETS : 0;
    case PMU_SCOPE_MACHINE:
        break;
    }
    if (restricted && !svm_enabled)
        return 0;
    return (in_host ? HOST_BUCKETS : 0) | (in_guest ? GUEST_BUCKETS : 0);
}

unsigned pmu_select_buckets(uint64_t select, enum pmu_scope scope, bool svm_enabled)
{
    unsigned levels = (select & PMU_SELECT_KERNEL ? KERNEL_BUCKETS : 0) |
                      (select & PMU_SELECT_USER ? USER_BUCKETS : 0);
    return levels & world_buckets(select, scope, svm_enabled);
}

/* A world switch comes here with the same codes again and again, so it is looked at before it is
 * claimed. */
static void report_unknown(struct pmu *pmu, uint64_t select)
{
    unsigned code = (select & 0xff) | (select >> 24 & 0xf00);
    uint64_t bit = UINT64_C(1) << code % 64;
    if (!pmu->config.unknown_event)
        return;
    uint64_t *told = &pmu->config.unknown->told[code / 64];
    if ((__atomic_load_n(told, __ATOMIC_RELAXED) & bit) ||
        (__atomic_fetch_or(told, bit, __ATOMIC_RELAXED) & bit))
        return;
    pmu->config.unknown_event(pmu->config.context, select);
}

/* Cycles are made of what there is. */
static bool is_counted(const struct pmu *pmu, const struct pmu_mix *mix)
{
    for (unsigned i = 0; i < mix->terms; i++)
        if (!(pmu->config.uncounted >> mix->term[i].event & 1))
            return true;
    return false;
}

static void resolve_counter(struct pmu *pmu, unsigned i)
{
    uint64_t select = pmu->registers.select[i];
    struct pmu_selector *selector = &pmu->selectors[i];
    bool gated = pmu->config.perfmon_v2 && !(pmu->registers.global_control >> i & 1);

    selector->buckets = pmu_select_buckets(select, pmu->scope, pmu->svm_enabled);
    bool known = pmu_event_resolve(select, &pmu->config.cycles, &selector->mix);
    if (known && selector->mix.terms && !is_counted(pmu, &selector->mix)) {
        known = false;
        selector->mix = (struct pmu_mix){0};
    }
    selector->on = (select & PMU_SELECT_ENABLE) && !gated && selector->buckets &&
                   selector->mix.terms && i < pmu_counter_count(pmu);
    if (!known && (select & PMU_SELECT_ENABLE))
        report_unknown(pmu, select);
}

static void resolve(struct pmu *pmu)
{
    for (unsigned i = 0; i < PMU_COUNTERS; i++)
        resolve_counter(pmu, i);
}

/* After reset every counter is on globally, so that software that does not know the global
 * registers works (the value that 15.39 calls all-enabled). */
void pmu_init(struct pmu *pmu, const struct pmu_config *config)
{
    *pmu = (struct pmu){.config = *config};
    pmu->registers.global_control = pmu_global_writable(pmu);
    resolve(pmu);
}

void pmu_set_registers(struct pmu *pmu, const struct pmu_registers *registers, enum pmu_scope scope)
{
    pmu->registers = *registers;
    pmu->scope = scope;
    resolve(pmu);
}

void pmu_set_svm_enabled(struct pmu *pmu, bool enabled)
{
    if (pmu->svm_enabled == enabled)
        return;
    pmu->svm_enabled = enabled;
    resolve(pmu);
}

/* One register of the unit: where its value lies and how it takes writes. */
enum kind {
    KIND_NONE,
    KIND_SELECT,
    KIND_COUNTER,
    KIND_GLOBAL_STATUS,
    KIND_GLOBAL_CONTROL,
    KIND_STATUS_CLEAR,
    KIND_STATUS_SET,
    KIND_RETIRED,
};

static enum kind find_global(const struct pmu *pmu, uint32_t msr)
{
    if (msr == PMU_MSR_RETIRED)
        return pmu->config.retired ? KIND_RETIRED : KIND_NONE;
    if (!pmu->config.perfmon_v2)
        return KIND_NONE;
    switch (msr) {
    case PMU_MSR_GLOBAL_STATUS:
        return KIND_GLOBAL_STATUS;
    case PMU_MSR_GLOBAL_CONTROL:
        return KIND_GLOBAL_CONTROL;
    case PMU_MSR_GLOBAL_STATUS_CLEAR:
        return KIND_STATUS_CLEAR;
    case PMU_MSR_GLOBAL_STATUS_SET:
        return KIND_STATUS_SET;
    default:
        return KIND_NONE;
    }
}

/* The legacy numbers are other names of the first four counters (APM vol. 2, 13.2). */
static enum kind find_register(const struct pmu *pmu, uint32_t msr, unsigned *out_index)
{
    *out_index = 0;
    if (pmu->config.none)
        return KIND_NONE;
    if (msr >= PMU_MSR_LEGACY_SELECT0 && msr < PMU_MSR_LEGACY_SELECT0 + PMU_COUNTERS_LEGACY) {
        *out_index = msr - PMU_MSR_LEGACY_SELECT0;
        return KIND_SELECT;
    }
    if (msr >= PMU_MSR_LEGACY_COUNTER0 && msr < PMU_MSR_LEGACY_COUNTER0 + PMU_COUNTERS_LEGACY) {
        *out_index = msr - PMU_MSR_LEGACY_COUNTER0;
        return KIND_COUNTER;
    }
    if (pmu->config.core_extension && msr >= PMU_MSR_CORE_SELECT0 &&
        msr < PMU_MSR_CORE_SELECT0 + 2 * PMU_COUNTERS) {
        *out_index = (msr - PMU_MSR_CORE_SELECT0) / 2;
        return (msr - PMU_MSR_CORE_SELECT0) % 2 ? KIND_COUNTER : KIND_SELECT;
    }
    return find_global(pmu, msr);
}

bool pmu_has_msr(const struct pmu *pmu, uint32_t msr)
{
    unsigned index;
    return find_register(pmu, msr, &index) != KIND_NONE;
}

enum pmu_access pmu_read_msr(const struct pmu *pmu, uint32_t msr, uint64_t *out_value)
{
    const struct pmu_registers *registers = &pmu->registers;
    unsigned i;

    switch (find_register(pmu, msr, &i)) {
    case KIND_NONE:
        return PMU_ACCESS_NONE;
    case KIND_SELECT:
        *out_value = registers->select[i];
        break;
    case KIND_COUNTER:
        *out_value = registers->counter[i];
        break;
    case KIND_GLOBAL_STATUS:
        *out_value = registers->global_status;
        break;
    case KIND_GLOBAL_CONTROL:
        *out_value = registers->global_control;
        break;
    case KIND_STATUS_CLEAR:
    case KIND_STATUS_SET:
        *out_value = 0;
        break;
    case KIND_RETIRED:
        *out_value = registers->retired;
        break;
    }
    return PMU_ACCESS_DONE;
}

/* What of value is stored; false: a reserved bit was set, and it is a fault. */
static bool admit(const struct pmu *pmu, uint64_t writable, uint64_t *value)
{
    if ((*value & ~writable) && !pmu->config.clear_reserved)
        return false;
    *value &= writable;
    return true;
}

static bool write_register(struct pmu *pmu, enum kind kind, unsigned i, uint64_t value)
{
    struct pmu_registers *registers = &pmu->registers;

    switch (kind) {
    case KIND_NONE:
    case KIND_GLOBAL_STATUS:
        return true;
    case KIND_SELECT:
        if (!admit(pmu, pmu_select_writable(), &value))
            return false;
        registers->select[i] = value;
        return true;
    case KIND_COUNTER: /* the upper bits are not there: a negative period is written as it is */
        registers->counter[i] = value & PMU_COUNTER_MASK;
        return true;
    case KIND_RETIRED:
        registers->retired = value & PMU_COUNTER_MASK;
        return true;
    case KIND_GLOBAL_CONTROL:
        if (!admit(pmu, pmu_global_writable(pmu), &value))
            return false;
        registers->global_control = value;
        return true;
    case KIND_STATUS_CLEAR:
        registers->global_status &= ~value;
        return true;
    case KIND_STATUS_SET:
        if (!admit(pmu, pmu_global_writable(pmu), &value))
            return false;
        registers->global_status |= value;
        return true;
    }
    return true;
}

enum pmu_access pmu_write_msr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
    unsigned i;
    enum kind kind = find_register(pmu, msr, &i);
    if (kind == KIND_NONE)
        return PMU_ACCESS_NONE;
    if (!write_register(pmu, kind, i, value))
        return PMU_ACCESS_FAULT;
    if (kind == KIND_SELECT)
        resolve_counter(pmu, i);
    else if (kind == KIND_GLOBAL_CONTROL)
        resolve(pmu);
    return PMU_ACCESS_DONE;
}

enum pmu_access pmu_read_counter(const struct pmu *pmu, uint32_t index, uint64_t *out_value)
{
    if (pmu->config.none)
        return PMU_ACCESS_NONE;
    if (index >= pmu_counter_count(pmu))
        return PMU_ACCESS_FAULT;
    *out_value = pmu->registers.counter[index];
    return PMU_ACCESS_DONE;
}

/* A mix never shrinks: a basic event that is subtracted occurs within a cycle that is added. */
static uint64_t measure(const struct pmu_selector *selector, const struct pmu_counts *now,
                        const struct pmu_counts *base)
{
    int64_t sum = 0;
    for (unsigned b = 0; b < PMU_BUCKET_COUNT; b++) {
        if (!(selector->buckets >> b & 1))
            continue;
        for (unsigned i = 0; i < selector->mix.terms; i++) {
            struct pmu_term term = selector->mix.term[i];
            sum +=
                term.weight * (int64_t)(now->events[b][term.event] - base->events[b][term.event]);
        }
    }
    return sum > 0 ? (uint64_t)sum : 0;
}

/* IRPerfCount counts at every privilege level, in the world that owns the registers. */
static uint64_t measure_retired(const struct pmu *pmu, const struct pmu_counts *now)
{
    unsigned buckets = pmu_select_buckets(PMU_SELECT_KERNEL | PMU_SELECT_USER, pmu->scope, true);
    uint64_t sum = 0;
    for (unsigned b = 0; b < PMU_BUCKET_COUNT; b++)
        if (buckets >> b & 1)
            sum += now->events[b][PMU_INSTRUCTIONS] - pmu->base.events[b][PMU_INSTRUCTIONS];
    return sum;
}

unsigned pmu_advance(struct pmu *pmu, const struct pmu_counts *now)
{
    struct pmu_registers *registers = &pmu->registers;
    unsigned interrupts = 0;

    for (unsigned i = 0; i < PMU_COUNTERS; i++) {
        if (!pmu->selectors[i].on)
            continue;
        uint64_t sum = registers->counter[i] + measure(&pmu->selectors[i], now, &pmu->base);
        registers->counter[i] = sum & PMU_COUNTER_MASK;
        if (sum <= PMU_COUNTER_MASK)
            continue;
        registers->global_status |= pmu->config.perfmon_v2 ? 1u << i : 0;
        if (registers->select[i] & PMU_SELECT_INTERRUPT)
            interrupts |= 1u << i;
    }
    if (pmu->config.retired && pmu->retired_enabled)
        registers->retired = (registers->retired + measure_retired(pmu, now)) & PMU_COUNTER_MASK;
    pmu->base = *now;
    return interrupts;
}

uint64_t pmu_distance(const struct pmu *pmu)
{
    uint64_t nearest = UINT64_MAX;
    for (unsigned i = 0; i < PMU_COUNTERS; i++) {
        if (!pmu->selectors[i].on || !(pmu->registers.select[i] & PMU_SELECT_INTERRUPT))
            continue;
        uint64_t left = PMU_COUNTER_MASK + 1 - pmu->registers.counter[i];
        uint64_t rate = pmu_mix_rate(&pmu->selectors[i].mix);
        uint64_t steps = (left + rate - 1) / rate;
        if (steps < nearest)
            nearest = steps;
    }
    return nearest;
}
