/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/figure.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static bool boots_alike(const struct store_cell *a, const struct store_cell *b)
{
    return a->vms == b->vms && a->vcpus == b->vcpus && a->memory_bytes == b->memory_bytes &&
           strcmp(a->platform, b->platform) == 0;
}

/* Mean boot time over the machines of a trial in seconds; NaN unless all became ready. */
static double boot_seconds(const struct store_trial *trial, double *longest)
{
    double sum = 0;
    for (size_t i = 0; i < trial->machine_count; i++) {
        if (trial->machines[i].boot_ns == 0)
            return NAN;
        double seconds = (double)trial->machines[i].boot_ns / (double)NS_PER_S;
        *longest = fmax(*longest, seconds); /* a NaN at first loses */
        sum += seconds;
    }
    return trial->machine_count ? sum / (double)trial->machine_count : NAN;
}

static void fill_boot(struct report *report, const struct row_trials *by_cell,
                      struct report_boot *boot)
{
    size_t count = 0, capacity = 0;
    boot->longest = NAN;
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        if (!boots_alike(boot->cell, &report->campaign.cells[i]))
            continue;
        for (size_t j = 0; j < by_cell[i].count; j++) {
            double seconds = boot_seconds(by_cell[i].items[j], &boot->longest);
            if (!isfinite(seconds))
                continue;
            MEM_GROW(boot->points, count, capacity);
            boot->points[count++] = seconds;
        }
    }
    boot->value = value_of(boot->points, count, report->level);
}

void figure_fill_boots(struct report *report, const struct row_trials *by_cell)
{
    size_t capacity = 0;
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        const struct store_cell *cell = &report->campaign.cells[i];
        bool known = false;
        for (size_t j = 0; j < report->boot_count && !known; j++)
            known = boots_alike(report->boots[j].cell, cell);
        if (known)
            continue;
        MEM_GROW(report->boots, report->boot_count, capacity);
        struct report_boot *boot = &report->boots[report->boot_count++];
        *boot = (struct report_boot){.cell = cell};
        fill_boot(report, by_cell, boot);
    }
}

/* What one cell's trials say of one figure. */
struct collection {
    struct report_figure figure; /* its points have room for every trial */
    double sum;                  /* over the machines of the trial at hand */
    size_t machines;
    bool is_missing;
};

struct collections {
    struct collection *items;
    size_t count;
    size_t capacity;
};

static struct collection *find_or_add(struct collections *all, const struct store_figure *figure,
                                      size_t trial_count)
{
    for (size_t i = 0; i < all->count; i++) {
        struct report_figure *known = &all->items[i].figure;
        if (known->whole_trial == (figure->machine < 0) && strcmp(known->name, figure->name) == 0)
            return &all->items[i];
    }
    MEM_GROW(all->items, all->count, all->capacity);
    struct collection *item = &all->items[all->count++];
    *item = (struct collection){
        .figure = {.name = figure->name,
                   .whole_trial = figure->machine < 0,
                   .points = mem_array(trial_count, sizeof(*item->figure.points))},
    };
    return item;
}

static void end_trial(struct collection *item, uint64_t block)
{
    if (item->is_missing)
        item->figure.missing_count++;
    else if (item->machines > 0)
        item->figure.points[item->figure.value.n++] =
            (struct report_figure_point){block, item->sum / (double)item->machines};
    item->sum = 0;
    item->machines = 0;
    item->is_missing = false;
}

static void add_trial(struct collections *all, const struct store_trial *trial, size_t trial_count)
{
    for (size_t i = 0; i < trial->figure_count; i++) {
        const struct store_figure *figure = &trial->figures[i];
        struct collection *item = find_or_add(all, figure, trial_count);
        if (figure->missing) {
            item->figure.missing = figure->missing;
            item->is_missing = true;
            continue;
        }
        item->sum += figure->value;
        item->machines++;
    }
    for (size_t i = 0; i < all->count; i++)
        end_trial(&all->items[i], trial->block);
}

static struct report_value value_of_points(const struct report_figure *figure, double level)
{
    CLEANUP_FREE double *values = mem_array(figure->value.n, sizeof(*values));
    for (size_t i = 0; i < figure->value.n; i++)
        values[i] = figure->points[i].value;
    return value_of(values, figure->value.n, level);
}

void figure_fill_figures(struct report *report, const struct row_trials *by_cell)
{
    size_t capacity = 0;
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        struct collections all = {0};
        for (size_t j = 0; j < by_cell[i].count; j++)
            if (by_cell[i].items[j]->status == TRIAL_OK)
                add_trial(&all, by_cell[i].items[j], by_cell[i].count);
        for (size_t j = 0; j < all.count; j++) {
            struct report_figure *figure = &all.items[j].figure;
            figure->cell = &report->campaign.cells[i];
            figure->value = value_of_points(figure, report->level);
            MEM_GROW(report->figures, report->figure_count, capacity);
            report->figures[report->figure_count++] = *figure;
        }
        free(all.items);
    }
}

const struct report_figure *figure_find_missing(const struct report *report,
                                                const struct report_row *row)
{
    for (size_t i = 0; i < report->figure_count; i++) {
        const struct report_figure *figure = &report->figures[i];
        if (figure->cell == row->cell && figure->missing && !figure->whole_trial &&
            strcmp(figure->name, row->metric->name) == 0)
            return figure;
    }
    return NULL;
}

void figure_done(struct report *report)
{
    for (size_t i = 0; i < report->boot_count; i++)
        free(report->boots[i].points);
    free(report->boots);
    for (size_t i = 0; i < report->figure_count; i++) {
        normalise_result_done(&report->figures[i].relative);
        free(report->figures[i].points);
    }
    free(report->figures);
}
