/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/contrast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VMS_MAX 4

const char *const contrast_titles[CONTRAST_METRICS] = {
    [CONTRAST_EXITS] = "VM exits",
    [CONTRAST_ACCESSES] = "host accesses",
    [CONTRAST_GUEST_ACCESSES] = "guest accesses",
    [CONTRAST_PER_SWITCH] = "instr/switch",
    [CONTRAST_SLOWDOWN] = "slowdown",
    [CONTRAST_ERROR] = "count error",
    [CONTRAST_LOST] = "samples lost",
};

const char *const contrast_sight_words[] = {
    [SIGHT_UNKNOWN] = "not measured",
    [SIGHT_NOTHING] = "nothing",
    [SIGHT_ITSELF] = "itself",
    [SIGHT_ALL] = "itself and guests",
};

/* Of the measures with the same work, VMs and design. */
struct samples {
    double *items;
    size_t count, room;
};

static int compare_numbers(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static struct contrast_spread sum_up(struct samples *samples)
{
    size_t n = samples->count;
    if (n == 0)
        return (struct contrast_spread){0};
    qsort(samples->items, n, sizeof(*samples->items), compare_numbers);
    double middle = (samples->items[(n - 1) / 2] + samples->items[n / 2]) / 2;
    return (struct contrast_spread){.median = middle,
                                    .least = samples->items[0],
                                    .most = samples->items[n - 1],
                                    .count = (unsigned)n};
}

static bool is_known(const struct measure *measure, enum measure_value value)
{
    return measure->values[value] != MEASURE_UNKNOWN;
}

static double difference(const struct measure *measure, enum measure_value a, enum measure_value b)
{
    return is_known(measure, a) && is_known(measure, b)
               ? (double)measure->values[a] - (double)measure->values[b]
               : NAN;
}

static double plain(const struct measure *measure, enum measure_value value)
{
    return is_known(measure, value) ? (double)measure->values[value] : NAN;
}

/* NAN: not known. baseline: instructions of the machine without counters; NAN. */
static double evaluate(const struct measure *measure, enum contrast_metric metric, double baseline)
{
    switch (metric) {
    case CONTRAST_EXITS:
        return plain(measure, MEASURE_EXITS);
    case CONTRAST_ACCESSES:
        return plain(measure, MEASURE_ACCESSES);
    case CONTRAST_GUEST_ACCESSES:
        return plain(measure, MEASURE_GUEST_ACCESSES);
    case CONTRAST_PER_SWITCH:
        return plain(measure, MEASURE_SPENT) / plain(measure, MEASURE_BUSY_EXITS);
    case CONTRAST_SLOWDOWN:
        return plain(measure, MEASURE_MACHINE) / baseline;
    case CONTRAST_ERROR:
        return difference(measure, MEASURE_COUNTED, MEASURE_WANTED);
    case CONTRAST_LOST:
        return difference(measure, MEASURE_DUE, MEASURE_SAMPLES);
    default:
        return NAN;
    }
}

static struct contrast_spread spread_of(const struct measures *measures,
                                        const struct contrast_cell *cell,
                                        enum contrast_metric metric, double baseline)
{
    struct samples samples = {0};
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (measure->work != cell->work || measure->vms != cell->vms ||
            measure->design != cell->design)
            continue;
        double value = evaluate(measure, metric, baseline);
        if (!isfinite(value))
            continue;
        MEM_GROW(samples.items, samples.count, samples.room);
        samples.items[samples.count++] = value;
    }
    struct contrast_spread spread = sum_up(&samples);
    free(samples.items);
    return spread;
}

/* Where nothing counts there is no perf to run: the loop alone stands for it. */
static double find_baseline(const struct measures *measures, const struct contrast_cell *cell)
{
    struct contrast_cell none = {
        .work = cell->work > WORK_LOOP ? WORK_LOOP : cell->work, .vms = cell->vms, .design = 0};
    struct samples samples = {0};
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (measure->work != none.work || measure->vms != none.vms ||
            measure->design != none.design || !is_known(measure, MEASURE_MACHINE))
            continue;
        MEM_GROW(samples.items, samples.count, samples.room);
        samples.items[samples.count++] = (double)measure->values[MEASURE_MACHINE];
    }
    struct contrast_spread spread = sum_up(&samples);
    free(samples.items);
    return spread.count && spread.median > 0 ? spread.median : NAN;
}

static bool is_there(const struct measures *measures, const struct contrast_cell *cell)
{
    for (size_t i = 0; i < measures->count; i++)
        if (measures->items[i].work == cell->work && measures->items[i].vms == cell->vms &&
            measures->items[i].design == cell->design)
            return true;
    return false;
}

/* The worst of what was seen with this design. A host's count that holds the guests' work as well
 * is larger than that of itself by at least what the guests executed. */
static enum contrast_sight find_sight(const struct measures *measures, unsigned design)
{
    enum contrast_sight worst = SIGHT_UNKNOWN;
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (measure->work != WORK_HOST || measure->design != design)
            continue;
        double guests = difference(measure, MEASURE_HOST_ALL, MEASURE_HOST_OWN);
        enum contrast_sight sight =
            is_known(measure, MEASURE_HOST_OWN) ? SIGHT_ITSELF : SIGHT_NOTHING;
        if (guests >= plain(measure, MEASURE_WANTED))
            sight = SIGHT_ALL;
        worst = worst == SIGHT_UNKNOWN || sight < worst ? sight : worst;
    }
    return worst;
}

void contrast_make(const struct measures *measures, struct contrast *out_contrast)
{
    struct contrast contrast = {0};
    size_t room = 0;
    for (unsigned work = 0; work < WORK_COUNT; work++)
        for (unsigned vms = 1; vms <= VMS_MAX; vms++)
            for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
                struct contrast_cell cell = {.work = work, .vms = vms, .design = design};
                if (!is_there(measures, &cell))
                    continue;
                double baseline = find_baseline(measures, &cell);
                for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
                    cell.spreads[metric] = spread_of(measures, &cell, metric, baseline);
                MEM_GROW(contrast.cells, contrast.count, room);
                contrast.cells[contrast.count++] = cell;
            }
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        contrast.sights[design] = find_sight(measures, design);
    *out_contrast = contrast;
}

void contrast_done(struct contrast *contrast)
{
    free(contrast->cells);
    *contrast = (struct contrast){0};
}
