/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/archive.h"

#include <string.h>

#include "base/clock.h"
#include "base/lab.h"
#include "base/mem.h"
#include "probe/host.h"

int archive_begin(struct store *store, const char *settings, int64_t *out_id, struct error *err)
{
    struct host_facts facts = {0};
    host_facts_add(&facts, "vtax.version", "%s", VTAX_VERSION);
    host_facts_add(&facts, LAB_FACT, "emulated server");
    if (settings[0])
        host_facts_add(&facts, "counters.settings", "%s", settings);
    host_read_facts("", &facts);
    struct store_comparison comparison = {.start_ns = clock_realtime_ns(),
                                          .facts =
                                              mem_array(facts.count, sizeof(*comparison.facts)),
                                          .fact_count = facts.count};
    for (size_t i = 0; i < facts.count; i++)
        comparison.facts[i] =
            (struct store_fact){.name = facts.items[i].name, .value = facts.items[i].value};
    int rc = store_add_comparison(store, &comparison, err);
    free(comparison.facts);
    host_facts_done(&facts);
    if (rc == 0)
        *out_id = comparison.id;
    return rc;
}

struct rows {
    struct store_measure *items;
    size_t count, room;
};

static void add_row(struct rows *rows, const struct measure *measure, const char *name,
                    uint64_t value)
{
    MEM_GROW(rows->items, rows->count, rows->room);
    rows->items[rows->count++] =
        (struct store_measure){.design = (char *)measure_designs[measure->design],
                               .work = (char *)measure_works[measure->work],
                               .vms = measure->vms,
                               .repeat = measure->repeat,
                               .name = (char *)name,
                               .value = value,
                               .cause = name ? NULL : (char *)measure->cause};
}

int archive_add(struct store *store, int64_t id, const struct measures *measures, struct error *err)
{
    struct rows rows = {0};
    for (size_t i = 0; i < measures->count; i++) {
        const struct measure *measure = &measures->items[i];
        if (measure->cause[0])
            add_row(&rows, measure, NULL, 0);
        for (unsigned j = 0; !measure->cause[0] && j < MEASURE_VALUES; j++)
            if (measure->values[j] <= INT64_MAX)
                add_row(&rows, measure, measure_names[j], measure->values[j]);
    }
    int rc = store_add_measures(store, id, rows.items, rows.count, err);
    free(rows.items);
    return rc;
}

static bool find_word(const char *const *words, const char *text, unsigned *out_index)
{
    for (unsigned i = 0; words[i]; i++)
        if (text && strcmp(words[i], text) == 0) {
            *out_index = i;
            return true;
        }
    return false;
}

/* Rows of one work, done once, follow each other. */
static struct measure *find_measure(struct measures *measures, const struct measure *like)
{
    struct measure *last = measures->count ? &measures->items[measures->count - 1] : NULL;
    if (last && last->design == like->design && last->work == like->work &&
        last->vms == like->vms && last->repeat == like->repeat)
        return last;
    measures_add(measures, like);
    return &measures->items[measures->count - 1];
}

static void take_row(struct measures *measures, const struct store_measure *row)
{
    struct measure like;
    measure_init(&like);
    if (!find_word(measure_designs, row->design, &like.design) ||
        !find_word(measure_works, row->work, &like.work) || row->vms > MEASURE_VMS_MAX)
        return;
    like.vms = row->vms;
    like.repeat = row->repeat;
    struct measure *measure = find_measure(measures, &like);
    if (!row->name)
        measure_set_cause(measure, row->cause ? row->cause : "no cause was given");
    for (unsigned i = 0; row->name && i < MEASURE_VALUES; i++)
        if (strcmp(row->name, measure_names[i]) == 0)
            measure->values[i] = row->value;
}

int archive_read(struct store *store, struct archive *out_archive, struct error *err)
{
    struct archive archive = {0};
    int rc = store_read_comparison(store, &archive.comparison, err);
    if (rc <= 0)
        return rc;
    for (size_t i = 0; i < archive.comparison.measure_count; i++)
        take_row(&archive.measures, &archive.comparison.measures[i]);
    *out_archive = archive;
    return 1;
}

void archive_done(struct archive *archive)
{
    store_comparison_done(&archive->comparison);
    measures_done(&archive->measures);
}
