/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * estimate: about how long a plan takes, for people who choose one. Rough on purpose: what is known
 * of a host after its first block is better (campaign/).
 */
#include "base/clock.h"
#include "plan/plan.h"

/* Powering off and clearing away one trial's machines. */
#define STOP_NS (1500 * NS_PER_MS)

uint64_t plan_estimate_entry(const struct plan_entry *entry)
{
    const struct plan_kind *kind = entry->kind;
    return kind->estimate ? kind->estimate(entry->options) : kind->estimate_ns;
}

uint64_t plan_estimate_cell(const struct plan *plan, const struct plan_cell *cell)
{
    uint64_t boot_ns = plan_estimate_entry(&plan->platforms[cell->platform]);
    uint64_t work_ns = plan_estimate_entry(&plan->workloads[cell->workload]);
    if (boot_ns == 0 && work_ns == 0)
        return 0;
    /* Machines side by side share the CPUs; measured under TCG on two CPUs, booting takes one
     * machine 7-10 s, four 25 s, eight 45 s. */
    return (boot_ns + work_ns) * (cell->vms + 1) / 2 + (boot_ns ? STOP_NS : 0);
}

uint64_t plan_estimate(const struct plan *plan)
{
    struct plan_cell *cells;
    size_t count = plan_expand(plan, &cells);
    uint64_t block_ns = 0;
    for (size_t i = 0; i < count; i++)
        block_ns += plan_estimate_cell(plan, &cells[i]);
    free(cells);
    const struct plan_until *until = &plan->until;
    bool open_end = until->ci > 0 || until->max_blocks || until->budget_ns;
    uint64_t blocks = !open_end ? plan->blocks : until->max_blocks ? until->max_blocks : UINT64_MAX;
    uint64_t total_ns;
    if (__builtin_mul_overflow(block_ns, blocks, &total_ns))
        total_ns = UINT64_MAX;
    return until->budget_ns && total_ns > until->budget_ns ? until->budget_ns : total_ns;
}
