/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/contrast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/summary.h"

#define LEVEL 0.95

const char *const contrast_titles[CONTRAST_METRICS] = {
    [CONTRAST_EXITS] = "VM exits",
    [CONTRAST_ACCESSES] = "accesses by hypervisor",
    [CONTRAST_GUEST_ACCESSES] = "accesses by guests",
    [CONTRAST_PER_SWITCH] = "instructions/switch",
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

static void add_sample(struct samples *samples, double value)
{
    if (!isfinite(value))
        return;
    MEM_GROW(samples->items, samples->count, samples->room);
    samples->items[samples->count++] = value;
}

static struct contrast_value sum_up(const struct samples *samples)
{
    if (samples->count == 0)
        return (struct contrast_value){.mean = NAN, .interval = {.state = INTERVAL_TOO_FEW}};
    return (struct contrast_value){.n = samples->count,
                                   .mean = summary_moments(samples->items, samples->count).mean,
                                   .interval =
                                       interval_student(samples->items, samples->count, LEVEL)};
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

/* NAN: not known. Slowdown is no matter of one measure. */
static double evaluate(const struct measure *measure, enum contrast_metric metric)
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
    case CONTRAST_ERROR:
        return difference(measure, MEASURE_COUNTED, MEASURE_WANTED);
    case CONTRAST_LOST:
        return difference(measure, MEASURE_DUE, MEASURE_SAMPLES);
    default:
        return NAN;
    }
}

static bool is_of(const struct measure *measure, const struct contrast_cell *cell)
{
    return measure->work == cell->work && measure->vms == cell->vms &&
           measure->design == cell->design;
}

static struct contrast_value value_of(const struct measures *measures,
                                      const struct contrast_cell *cell, enum contrast_metric metric)
{
    struct samples samples = {0};
    for (size_t i = 0; i < measures->count; i++)
        if (is_of(&measures->items[i], cell))
            add_sample(&samples, evaluate(&measures->items[i], metric));
    struct contrast_value value = sum_up(&samples);
    free(samples.items);
    return value;
}

static void take_logs(const struct measures *measures, const struct contrast_cell *cell,
                      struct samples *samples)
{
    for (size_t i = 0; i < measures->count; i++)
        if (is_of(&measures->items[i], cell))
            add_sample(samples, log(plain(&measures->items[i], MEASURE_MACHINE)));
}

/* Instructions of the machine over those without counters, as means of logs: the repeats of two
 * servers are no pairs. Where nothing counts there is no perf to run: the loop alone stands for
 * it. */
static struct contrast_value slowdown_of(const struct measures *measures,
                                         const struct contrast_cell *cell)
{
    const struct contrast_cell none = {
        .work = cell->work > WORK_LOOP ? WORK_LOOP : cell->work, .vms = cell->vms, .design = 0};
    struct samples own = {0}, base = {0};
    struct contrast_value value = {.mean = NAN, .interval = {.state = INTERVAL_TOO_FEW}};
    take_logs(measures, cell, &own);
    take_logs(measures, &none, &base);
    if (own.count && base.count) {
        value.n = own.count;
        value.mean = exp(summary_moments(own.items, own.count).mean -
                         summary_moments(base.items, base.count).mean);
        if (cell->design != none.design)
            value.interval =
                interval_exp(interval_welch(own.items, own.count, base.items, base.count, LEVEL));
    }
    free(own.items);
    free(base.items);
    return value;
}

static bool is_there(const struct measures *measures, const struct contrast_cell *cell)
{
    for (size_t i = 0; i < measures->count; i++)
        if (is_of(&measures->items[i], cell))
            return true;
    return false;
}

static void find_failures(const struct measures *measures, struct contrast_cell *cell)
{
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (!is_of(measure, cell) || !measure->cause[0])
            continue;
        cell->failure = cell->failure ? cell->failure : measure;
        cell->failed++;
    }
}

static void fill_cell(const struct measures *measures, struct contrast_cell *cell)
{
    for (unsigned metric = 0; metric < CONTRAST_METRICS; metric++)
        cell->values[metric] = metric == CONTRAST_SLOWDOWN
                                   ? slowdown_of(measures, cell)
                                   : value_of(measures, cell, (enum contrast_metric)metric);
    find_failures(measures, cell);
}

/* The worst of what was seen with this design. A host's count that holds the guests' work as well
 * is larger than that of itself by at least what the guests executed. */
static enum contrast_sight find_sight(const struct measures *measures, unsigned design)
{
    enum contrast_sight worst = SIGHT_UNKNOWN;
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (measure->work != WORK_HOST || measure->design != design || measure->cause[0])
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
        for (unsigned vms = 1; vms <= MEASURE_VMS_MAX; vms++)
            for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
                struct contrast_cell cell = {.work = work, .vms = vms, .design = design};
                if (!is_there(measures, &cell))
                    continue;
                fill_cell(measures, &cell);
                MEM_GROW(contrast.cells, contrast.count, room);
                contrast.cells[contrast.count++] = cell;
            }
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++)
        contrast.sights[design] = find_sight(measures, design);
    *out_contrast = contrast;
}

const struct contrast_cell *contrast_find(const struct contrast *contrast, unsigned work,
                                          unsigned vms, unsigned design)
{
    for (size_t i = 0; i < contrast->count; i++)
        if (contrast->cells[i].work == work && contrast->cells[i].vms == vms &&
            contrast->cells[i].design == design)
            return &contrast->cells[i];
    return NULL;
}

bool contrast_has(const struct contrast *contrast, unsigned work, unsigned vms,
                  enum contrast_metric metric)
{
    bool has = false;
    for (unsigned design = 0; design < MEASURE_DESIGNS; design++) {
        const struct contrast_cell *cell = contrast_find(contrast, work, vms, design);
        has |= cell && cell->values[metric].n > 0;
    }
    return has;
}

void contrast_done(struct contrast *contrast)
{
    free(contrast->cells);
    *contrast = (struct contrast){0};
}
