/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/hdrseries.h"

#include <stdlib.h>

int hdr_series_init(struct hdr_series *series, const struct hdr_options *options)
{
    *series = (struct hdr_series){0};
    return hdr_init(&series->now, options);
}

void hdr_series_done(struct hdr_series *series)
{
    hdr_done(&series->now);
    free(series->parts);
    free(series->cells);
    *series = (struct hdr_series){0};
}

/* A count beyond 32 bits takes several cells. */
static void add_cells(struct hdr_series *series, size_t index, uint64_t count)
{
    while (count > 0) {
        uint32_t part = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
        MEM_GROW(series->cells, series->cell_count, series->cell_capacity);
        series->cells[series->cell_count++] = (struct hdr_series_cell){(uint32_t)index, part};
        count -= part;
    }
}

void hdr_series_pack(struct hdr_series *series)
{
    const struct hdr *now = &series->now;
    if (now->count == 0)
        return;
    size_t first_cell = series->cell_count, last = hdr_index(now, now->max);
    for (size_t i = hdr_index(now, now->min); i <= last; i++)
        add_cells(series, i, now->counts[i]);
    MEM_GROW(series->parts, series->part_count, series->part_capacity);
    series->parts[series->part_count++] = (struct hdr_series_part){
        .key = series->key,
        .min = now->min,
        .max = now->max,
        .first_cell = first_cell,
        .cell_count = series->cell_count - first_cell,
    };
    hdr_reset(&series->now);
}

bool hdr_series_find(const struct hdr_series *series, uint64_t from, uint64_t *out_key)
{
    bool found = false;
    for (size_t i = 0; i < series->part_count; i++) {
        uint64_t key = series->parts[i].key;
        if (key < from || (found && key >= *out_key))
            continue;
        *out_key = key;
        found = true;
    }
    return found;
}

void hdr_series_add(const struct hdr_series *series, uint64_t key, struct hdr *to)
{
    for (size_t i = 0; i < series->part_count; i++) {
        const struct hdr_series_part *part = &series->parts[i];
        if (part->key != key)
            continue;
        for (size_t k = part->first_cell; k < part->first_cell + part->cell_count; k++) {
            to->counts[series->cells[k].index] += series->cells[k].count;
            to->count += series->cells[k].count;
        }
        to->min = part->min < to->min ? part->min : to->min;
        to->max = part->max > to->max ? part->max : to->max;
    }
}
