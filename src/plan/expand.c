/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * expand: a plan -> its cells, and their order in a block.
 */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "plan/plan.h"

/* Digits of a number whose digit i counts to limits[i], the last one fastest. */
static void split_index(size_t index, const size_t *limits, size_t *out_digits, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        out_digits[i] = index % limits[i];
        index /= limits[i];
    }
}

uint64_t plan_max_vms(const struct plan_entry *platform)
{
    const struct option_table *table = &platform->kind->options;
    const struct option *option = option_find(table, PLAN_MAX_VMS, strlen(PLAN_MAX_VMS));
    uint64_t most =
        option ? *(const uint64_t *)((const char *)platform->options + option->offset) : 0;
    return most ? most : PLAN_VMS_MAX;
}

size_t plan_expand(const struct plan *plan, struct plan_cell **out_cells)
{
    const size_t limits[] = {plan->workload_count, plan->memory_bytes.count, plan->vcpus.count,
                             plan->vms.count, plan->platform_count};
    size_t count = 1;
    for (size_t i = 0; i < COUNT_OF(limits); i++)
        count *= limits[i];
    struct plan_cell *cells = mem_array(count, sizeof(*cells));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t digits[COUNT_OF(limits)];
        split_index(i, limits, digits, COUNT_OF(limits));
        if (plan->vms.items[digits[3]] > plan_max_vms(&plan->platforms[digits[4]]))
            continue;
        cells[used++] = (struct plan_cell){
            .workload = digits[0],
            .memory_bytes = plan->memory_bytes.items[digits[1]],
            .vcpus = (unsigned)plan->vcpus.items[digits[2]],
            .vms = (unsigned)plan->vms.items[digits[3]],
            .platform = digits[4],
        };
    }
    *out_cells = cells;
    return used;
}

size_t plan_find_baseline(const struct plan *plan, const struct plan_cell *cells, size_t count,
                          const struct plan_cell *cell)
{
    for (size_t i = 0; i < count; i++)
        if (cells[i].platform == plan->baseline && cells[i].workload == cell->workload &&
            cells[i].vms == cell->vms && cells[i].vcpus == cell->vcpus &&
            cells[i].memory_bytes == cell->memory_bytes)
            return i;
    assert(!"every cell has its baseline in a plan that plan_check() passed");
    return 0;
}

void plan_order_block(uint64_t seed, uint64_t block, size_t count, size_t *out_order)
{
    struct rng rng;
    rng_init(&rng, seed, rng_stream_of("block order") + block);
    for (size_t i = 0; i < count; i++)
        out_order[i] = i;
    rng_shuffle(&rng, out_order, count);
}

char *plan_describe_cell(const struct plan *plan, const struct plan_cell *cell)
{
    char memory[UNITS_TEXT_MAX];
    return mem_printf("%s on %s, %u VM%s x %u vCPU%s, %s", plan->workloads[cell->workload].name,
                      plan->platforms[cell->platform].name, cell->vms, cell->vms == 1 ? "" : "s",
                      cell->vcpus, cell->vcpus == 1 ? "" : "s",
                      units_format_size(cell->memory_bytes, memory));
}
