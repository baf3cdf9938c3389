/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/provenance.h"

#include <math.h>
#include <string.h>

#include "base/lab.h"

struct tally {
    struct report_variation *items;
    size_t count;
    size_t capacity;
};

static struct report_variation *find_or_add(struct tally *tally, const char *name, size_t hint)
{
    if (hint < tally->count && strcmp(tally->items[hint].name, name) == 0)
        return &tally->items[hint]; /* each trial has the same facts in the same order */
    for (size_t i = 0; i < tally->count; i++)
        if (strcmp(tally->items[i].name, name) == 0)
            return &tally->items[i];
    MEM_GROW(tally->items, tally->count, tally->capacity);
    struct report_variation *item = &tally->items[tally->count++];
    *item = (struct report_variation){
        .name = name,
        .values = mem_array(REPORT_VALUES_SHOWN, sizeof(*item->values)),
        .numeric = true,
        .min = INFINITY,
        .max = -INFINITY,
    };
    return item;
}

static void add_number(struct report_variation *item, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || !isfinite(number)) {
        item->numeric = false;
        return;
    }
    item->min = fmin(item->min, number);
    item->max = fmax(item->max, number);
}

/* distinct stops at REPORT_VALUES_SHOWN + 1: "more than are shown". */
static void add_value(struct report_variation *item, const char *value)
{
    item->trials++;
    add_number(item, value);
    for (size_t i = 0; i < item->value_count; i++)
        if (strcmp(item->values[i], value) == 0)
            return;
    if (item->value_count < REPORT_VALUES_SHOWN)
        item->values[item->value_count++] = value;
    else
        item->distinct++;
}

static void add_same(struct report *report, const char *name, const char *value, size_t *capacity)
{
    MEM_GROW(report->same, report->same_count, *capacity);
    report->same[report->same_count++] =
        (struct store_fact){.name = (char *)name, .value = (char *)value};
}

void provenance_split(struct report *report)
{
    struct tally tally = {0};
    for (size_t i = 0; i < report->trial_count; i++)
        for (size_t j = 0; j < report->trials[i].fact_count; j++) {
            const struct store_fact *fact = &report->trials[i].facts[j];
            add_value(find_or_add(&tally, fact->name, j), fact->value);
        }
    size_t same_capacity = 0, kept = 0;
    for (size_t i = 0; i < report->campaign.fact_count; i++)
        add_same(report, report->campaign.facts[i].name, report->campaign.facts[i].value,
                 &same_capacity);
    for (size_t i = 0; i < tally.count; i++) {
        struct report_variation *item = &tally.items[i];
        item->distinct += item->value_count;
        if (item->distinct == 1 && item->trials == report->trial_count) {
            add_same(report, item->name, item->values[0], &same_capacity);
            free(item->values);
        } else {
            tally.items[kept++] = *item;
        }
    }
    report->variations = tally.items;
    report->variation_count = kept;
}

void provenance_done(struct report *report)
{
    for (size_t i = 0; i < report->variation_count; i++)
        free(report->variations[i].values);
    free(report->variations);
    free(report->same);
}

const char *provenance_find(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->same_count; i++)
        if (strcmp(report->same[i].name, name) == 0)
            return report->same[i].value;
    return NULL;
}

char *report_caution(const struct report *report)
{
    const char *kind = provenance_find(report, LAB_FACT);
    if (!kind)
        return NULL;
    const char *title = provenance_find(report, "lab.title");
    const char *qemu = provenance_find(report, "lab.qemu");
    return mem_printf("EMULATED: measured in an %s (%s, QEMU %s): counts are real, seconds say "
                      "nothing about real hardware.",
                      kind, title ? title : "?", qemu ? qemu : "?");
}
