/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/compare.h"

#include <string.h>

#include "report/provenance.h"
#include "report/row.h"

#define LEVEL 0.95

static bool is_same_cell(const struct report_row *a, const struct report_row *b)
{
    const struct store_cell *x = a->cell, *y = b->cell;
    return x->vms == y->vms && x->vcpus == y->vcpus && x->memory_bytes == y->memory_bytes &&
           strcmp(x->platform, y->platform) == 0 &&
           strcmp(x->platform_kind, y->platform_kind) == 0 &&
           strcmp(x->workload, y->workload) == 0 && strcmp(x->parameters, y->parameters) == 0 &&
           strcmp(a->metric->name, b->metric->name) == 0 &&
           strcmp(a->metric->unit, b->metric->unit) == 0 &&
           a->metric->higher_is_better == b->metric->higher_is_better;
}

/* hint: where it is when both campaigns have the same plan. */
static const struct report_row *find_row(const struct report *report, const struct report_row *row,
                                         size_t hint)
{
    if (hint < report->row_count && is_same_cell(&report->rows[hint], row))
        return &report->rows[hint];
    for (size_t i = 0; i < report->row_count; i++)
        if (is_same_cell(&report->rows[i], row))
            return &report->rows[i];
    return NULL;
}

static void judge(struct compare *compare, struct compare_row *row)
{
    const struct normalise_options options = {.level = compare->level,
                                              .margin = compare->threshold};
    CLEANUP_FREE struct normalise_trial *before = row_normalise_trials(row->a);
    CLEANUP_FREE struct normalise_trial *after = row_normalise_trials(row->b);
    row->change =
        normalise_unpaired(before, row->a->point_count, after, row->b->point_count, &options);
    row->worse =
        row->change.ratio.state == INTERVAL_OK && row->change.ratio.hi < 1 - compare->threshold;
    compare->worse += row->worse;
}

static void add_rows(struct compare *compare)
{
    const struct report *a = compare->a, *b = compare->b;
    compare->rows = mem_array(a->row_count + b->row_count, sizeof(*compare->rows));
    for (size_t i = 0; i < a->row_count; i++) {
        struct compare_row *row = &compare->rows[compare->row_count++];
        *row = (struct compare_row){.a = &a->rows[i], .b = find_row(b, &a->rows[i], i)};
        if (row->b)
            judge(compare, row);
    }
    for (size_t i = 0; i < b->row_count; i++)
        if (!find_row(a, &b->rows[i], i))
            compare->rows[compare->row_count++] = (struct compare_row){.b = &b->rows[i]};
}

/* Facts of the moment differ always and do not tell the campaigns apart. */
static bool is_passing(const char *name)
{
    static const char *const names[] = {"host.load", "host.cpu-pressure", "host.memory-available",
                                        "host.cpu.mhz"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "stopping.", strlen("stopping.")) == 0; /* the plan's digest tells */
}

static void add_difference(struct compare *compare, const struct compare_difference *difference,
                           size_t *capacity)
{
    MEM_GROW(compare->differences, compare->difference_count, *capacity);
    compare->differences[compare->difference_count++] = *difference;
}

static const char *find_fact(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->variation_count; i++)
        if (strcmp(report->variations[i].name, name) == 0)
            return "(changed from trial to trial)";
    return provenance_find(report, name);
}

static void add_differences(struct compare *compare)
{
    const struct report *a = compare->a, *b = compare->b;
    size_t capacity = 0;
    if (strcmp(a->campaign.plan_digest, b->campaign.plan_digest) != 0)
        add_difference(compare,
                       &(struct compare_difference){"plan.digest", a->campaign.plan_digest,
                                                    b->campaign.plan_digest},
                       &capacity);
    for (size_t i = 0; i < a->same_count; i++) {
        const char *name = a->same[i].name, *other = find_fact(b, name);
        if (is_passing(name) || strcmp(name, "plan.digest") == 0 ||
            (other && strcmp(other, a->same[i].value) == 0))
            continue;
        add_difference(compare, &(struct compare_difference){name, a->same[i].value, other},
                       &capacity);
    }
    for (size_t i = 0; i < b->same_count; i++) {
        const char *name = b->same[i].name;
        if (is_passing(name) || strcmp(name, "plan.digest") == 0 || provenance_find(a, name))
            continue;
        add_difference(compare,
                       &(struct compare_difference){name, find_fact(a, name), b->same[i].value},
                       &capacity);
    }
}

void compare_init(struct compare *compare, const struct report *a, const struct report *b,
                  double threshold)
{
    *compare = (struct compare){
        .a = a,
        .b = b,
        .threshold = threshold > 0 ? threshold : COMPARE_THRESHOLD_DEFAULT,
        .level = LEVEL,
    };
    add_rows(compare);
    add_differences(compare);
}

void compare_done(struct compare *compare)
{
    free(compare->rows);
    free(compare->differences);
    *compare = (struct compare){0};
}
