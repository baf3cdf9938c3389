/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/reasons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "explain/exit_reading.h"
#include "explain/instructions.h"

/* Readings that are costs in a measure. */
struct costs {
    const char *prefix;
    const char *kernel;
    const char *user;
    bool halts;    /* are a cost */
    bool by_probe; /* which may have looked in windows */
    bool are_times;
};

struct reason {
    char name[48];
    uint64_t count;
    double *costs; /* one a trial */
};

struct reasons {
    struct reason *items;
    size_t count;
    size_t capacity;
    size_t trials;
};

static struct costs costs_of(enum budget_measure measure)
{
    if (measure == BUDGET_COUNTED)
        return (struct costs){"emulator:", "kernel_instructions", "user_instructions"};
    if (instructions_are_measured(measure))
        return (struct costs){"exits:", "kernel_instructions", "user_instructions", .halts = true,
                              .by_probe = true};
    return (struct costs){"exits:", "kernel_ns", "user_ns", .by_probe = true, .are_times = true};
}

static struct reason *find_or_add(struct reasons *reasons, const char *name)
{
    for (size_t i = 0; i < reasons->count; i++)
        if (strcmp(reasons->items[i].name, name) == 0)
            return &reasons->items[i];
    MEM_GROW(reasons->items, reasons->count, reasons->capacity);
    struct reason *reason = &reasons->items[reasons->count++];
    *reason = (struct reason){.costs = mem_array(reasons->trials, sizeof(double))};
    snprintf(reason->name, sizeof(reason->name), "%s", name);
    for (size_t i = 0; i < reasons->trials; i++)
        reason->costs[i] = 0;
    return reason;
}

static void add_trial(struct reasons *reasons, size_t at, const struct reasons_trial *of,
                      const struct costs *costs)
{
    double counts = costs->by_probe ? budget_exits_correction(of->trial) : 1;
    double factor = of->slowdown * (costs->are_times ? 1 : counts);
    for (size_t i = 0; i < of->trial->reading_count; i++) {
        const struct store_figure *reading = &of->trial->readings[i];
        struct exit_reading told;
        if (reading->missing || !exit_reading_parse(reading, costs->prefix, &told) ||
            (!costs->halts && exit_reason_class_of(told.reason) == EXIT_IDLE))
            continue;
        struct reason *reason = find_or_add(reasons, told.reason);
        if (strcmp(told.what, "count") == 0)
            reason->count += (uint64_t)llround(counts * reading->value);
        else if (strcmp(told.what, costs->kernel) == 0 || strcmp(told.what, costs->user) == 0)
            reason->costs[at] += factor * reading->value / of->whole;
    }
}

static int compare_costs(const void *left, const void *right)
{
    const struct reason_cost *a = left, *b = right;
    if (a->cost.mean != b->cost.mean)
        return a->cost.mean > b->cost.mean ? -1 : 1;
    return strcmp(a->name, b->name);
}

size_t reasons_of(const struct reasons_trial *trials, size_t count, enum budget_measure measure,
                  double level, struct reason_cost out[REASONS_MAX])
{
    const struct costs costs = costs_of(measure);
    struct reasons reasons = {.trials = count};
    for (size_t i = 0; i < count; i++)
        add_trial(&reasons, i, &trials[i], &costs);
    CLEANUP_FREE struct reason_cost *all = mem_array(reasons.count + 1, sizeof(*all));
    size_t dear = 0;
    for (size_t i = 0; i < reasons.count; i++) {
        struct reason *reason = &reasons.items[i];
        struct reason_cost *cost = &all[dear];
        memcpy(cost->name, reason->name, sizeof(cost->name));
        cost->count = reason->count;
        cost->cost = explained_of(reason->costs, count, level);
        dear += cost->cost.mean > 0;
        free(reason->costs);
    }
    free(reasons.items);
    qsort(all, dear, sizeof(*all), compare_costs);
    dear = dear < REASONS_MAX ? dear : REASONS_MAX;
    memcpy(out, all, dear * sizeof(*all));
    return dear;
}
