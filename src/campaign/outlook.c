/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/outlook.h"

#include "base/mem.h"

struct outlook_cell {
    uint64_t estimate_ns;
    uint64_t sum_ns;
    uint64_t trials; /* of this run */
};

void outlook_init(struct outlook *outlook, const struct plan *plan, const struct plan_cell *cells,
                  size_t cell_count, uint64_t blocks, size_t trials_done)
{
    *outlook = (struct outlook){
        .done = trials_done,
        .total = cell_count * blocks,
        .cell_count = cell_count,
        .blocks = blocks,
        .cells = mem_array(cell_count, sizeof(*outlook->cells)),
    };
    for (size_t i = 0; i < cell_count; i++)
        outlook->cells[i].estimate_ns = plan_estimate_cell(plan, &cells[i]);
}

void outlook_add(struct outlook *outlook, size_t cell, uint64_t took_ns)
{
    outlook->cells[cell].sum_ns += took_ns;
    outlook->cells[cell].trials++;
    outlook->done++;
}

double outlook_share(const struct outlook *outlook)
{
    return outlook->total ? (double)outlook->done / (double)outlook->total : 0;
}

uint64_t outlook_left_ns(const struct outlook *outlook)
{
    uint64_t block_ns = 0;
    for (size_t i = 0; i < outlook->cell_count; i++) {
        const struct outlook_cell *cell = &outlook->cells[i];
        block_ns += cell->trials ? cell->sum_ns / cell->trials : cell->estimate_ns;
    }
    double left_blocks = (double)outlook->blocks * (1 - outlook_share(outlook));
    return (uint64_t)((double)block_ns * left_blocks);
}

void outlook_done(struct outlook *outlook)
{
    free(outlook->cells);
    *outlook = (struct outlook){0};
}
