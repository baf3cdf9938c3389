/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "make-designs.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "study/archive.h"

/* Instructions of the machine for each design, in terms of none's. */
static const double costs[MEASURE_DESIGNS] = {1, 1.4, 2.1, 1.02};
static const double works[WORK_COUNT] = {9e6, 4e8, 6e7, 2e7, 3e7, 4e7, 5e7};

static void fill(struct measure *measure, struct rng *rng)
{
    double size = works[measure->work] * measure->vms * costs[measure->design];
    uint64_t machine = (uint64_t)(size * (1 + 0.02 * rng_normal(rng)));
    uint64_t *values = measure->values;
    values[MEASURE_MACHINE] = machine;
    values[MEASURE_GUESTS] = machine / 2;
    values[MEASURE_EXITS] = machine / 10000;
    values[MEASURE_BUSY_EXITS] = machine / 11000;
    values[MEASURE_SPENT] = machine / 2;
    values[MEASURE_ACCESSES] = measure->design == 2 ? machine / 500 : 0;
    values[MEASURE_GUEST_ACCESSES] = measure->design == 3 ? 400 : 0;
    if (measure->work < WORK_STAT)
        return;
    values[MEASURE_WANTED] = 2001000;
    values[MEASURE_COUNTED] = measure->design == 1 ? 2031000 : 2001000;
    if (measure->work == WORK_RECORD) {
        values[MEASURE_DUE] = 399;
        values[MEASURE_SAMPLES] = measure->design == 1 ? 371 : 399;
    }
    if (measure->work == WORK_HOST) {
        values[MEASURE_HOST_OWN] = 30000000;
        if (measure->design == 1)
            values[MEASURE_HOST_ALL] = 34000000;
    }
}

int make_designs(struct store *store, uint64_t start_ns, struct error *err)
{
    CLEANUP(measures_done) struct measures measures = {0};
    struct store_comparison comparison = {.start_ns = start_ns};
    struct rng rng;
    struct measure measure;
    rng_init(&rng, 7, 0);
    for (unsigned i = 0; i < MEASURE_DESIGNS * 2 * 3 * WORK_COUNT; i++) {
        measure_init(&measure);
        measure.design = i / (2 * 3 * WORK_COUNT);
        measure.repeat = i / (2 * WORK_COUNT) % 3;
        measure.vms = 1 + i / WORK_COUNT % 2;
        measure.work = i % WORK_COUNT;
        if (measure.design == 0 && measure.work > WORK_LOOP)
            continue;
        fill(&measure, &rng);
        if (measure.design == 2 && measure.work == WORK_RECORD && measure.repeat == 2)
            measure_set_cause(&measure, "perf record: </script><script>alert(5)</script>");
        measures_add(&measures, &measure);
    }
    int rc = store_add_comparison(store, &comparison, err);
    return rc == 0 ? archive_add(store, comparison.id, &measures, err) : rc;
}
