/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/count.h"

#include <string.h>

#include "base/strbuf.h"
#include "report/label.h"
#include "report/number.h"

/* In the order in which they are shown. */
static const struct count_kind kinds[] = {
    {"instructions", "instructions"},
    {"world_switches", "world switches"},
    {"exits", "VM exits"},
};

/* Parts are "exits.REASON", and the "REASON_exits" of the kernel's own KVM counters. */
const struct count_kind *count_find_kind(const char *name, const char **out_part)
{
    size_t length = strlen(name);
    *out_part = NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t own = strlen(kinds[i].name);
        if (strcmp(name, kinds[i].name) == 0)
            return &kinds[i];
        if (strncmp(name, kinds[i].name, own) == 0 && name[own] == '.' && name[own + 1]) {
            *out_part = name + own + 1;
            return &kinds[i];
        }
        if (length > own + 1 && name[length - own - 1] == '_' &&
            strcmp(name + length - own, kinds[i].name) == 0) {
            *out_part = name;
            return &kinds[i];
        }
    }
    return NULL;
}

static const struct report_figure *find_figure(const struct report *report,
                                               const struct report_figure *like, size_t cell_index)
{
    for (size_t i = 0; i < report->figure_count; i++) {
        const struct report_figure *figure = &report->figures[i];
        if (figure->cell->index == cell_index && figure->whole_trial == like->whole_trial &&
            strcmp(figure->name, like->name) == 0)
            return figure;
    }
    return NULL;
}

static struct normalise_trial *trials_of(const struct report_figure *figure)
{
    struct normalise_trial *trials = mem_array(figure->value.n, sizeof(*trials));
    for (size_t i = 0; i < figure->value.n; i++)
        trials[i] = (struct normalise_trial){.block = figure->points[i].block,
                                             .performance = figure->points[i].value,
                                             .ok = figure->points[i].value > 0};
    return trials;
}

static void set_relative(const struct report *report, struct report_figure *figure)
{
    const struct normalise_options options = {.level = report->level,
                                              .seed = report->campaign.seed};
    figure->relative.ratio.state = figure->relative.bca.state = INTERVAL_TOO_FEW;
    if (figure->cell->is_baseline || figure->value.n == 0)
        return;
    const struct report_figure *base = find_figure(report, figure, figure->cell->baseline_index);
    if (!base || base->value.n == 0)
        return;
    CLEANUP_FREE struct normalise_trial *own = trials_of(figure);
    CLEANUP_FREE struct normalise_trial *other = trials_of(base);
    figure->relative = normalise_paired(own, figure->value.n, other, base->value.n, &options);
}

static struct report_count *find_or_add(struct report *report, const struct report_figure *figure,
                                        size_t *capacity)
{
    for (size_t i = 0; i < report->count_count; i++) {
        struct report_count *count = &report->counts[i];
        if (count->whole_trial == figure->whole_trial && strcmp(count->name, figure->name) == 0 &&
            strcmp(count->workload, figure->cell->workload) == 0)
            return count;
    }
    const char *part;
    const struct count_kind *kind = count_find_kind(figure->name, &part);
    MEM_GROW(report->counts, report->count_count, *capacity);
    struct report_count *count = &report->counts[report->count_count++];
    *count = (struct report_count){
        .workload = figure->cell->workload,
        .name = figure->name,
        .whole_trial = figure->whole_trial,
        .kind = kind,
        .part = part,
    };
    return count;
}

static void add_item(struct report_count *count, const struct report_figure *figure)
{
    count->items = mem_resize_array(count->items, count->item_count + 1, sizeof(*count->items));
    count->items[count->item_count++] = figure;
    count->valued += figure->value.n > 0;
    if (figure->value.n)
        count->sum += figure->value.mean;
}

/* Workload by workload, kind by kind, the whole before its parts, large parts before small ones. */
static int by_place(const void *left, const void *right)
{
    const struct report_count *a = left, *b = right;
    int same_work = strcmp(a->workload, b->workload) == 0;
    if (!same_work)
        return a->first_workload_cell < b->first_workload_cell ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (!a->part != !b->part)
        return a->part ? 1 : -1;
    if (a->sum != b->sum)
        return a->sum > b->sum ? -1 : 1;
    return strcmp(a->name, b->name);
}

static size_t first_cell_of(const struct report *report, const char *workload)
{
    size_t i = 0;
    while (i < report->campaign.cell_count &&
           strcmp(report->campaign.cells[i].workload, workload) != 0)
        i++;
    return i;
}

void count_fill(struct report *report)
{
    size_t capacity = 0;
    const char *part;
    for (size_t i = 0; i < report->figure_count; i++) {
        struct report_figure *figure = &report->figures[i];
        if (!count_find_kind(figure->name, &part))
            continue;
        set_relative(report, figure);
        add_item(find_or_add(report, figure, &capacity), figure);
    }
    for (size_t i = 0; i < report->count_count; i++)
        report->counts[i].first_workload_cell = first_cell_of(report, report->counts[i].workload);
    if (report->count_count)
        qsort(report->counts, report->count_count, sizeof(*report->counts), by_place);
}

void count_done(struct report *report)
{
    for (size_t i = 0; i < report->count_count; i++)
        free(report->counts[i].items);
    free(report->counts);
}

bool count_is_main(const struct report *report, const struct report_count *count)
{
    if (count->part || count->whole_trial)
        return !count->part;
    for (size_t i = 0; i < report->count_count; i++) {
        const struct report_count *other = &report->counts[i];
        if (other->whole_trial && other->valued && strcmp(other->name, count->name) == 0 &&
            strcmp(other->workload, count->workload) == 0)
            return false;
    }
    return true;
}

char *count_sentence(const struct report *report, const struct report_count *count,
                     const struct report_figure *figure)
{
    if (figure->value.n == 0 || !count_is_main(report, count) ||
        !report_is_told_cell(report, figure->cell) ||
        (figure->cell->is_baseline && figure->value.mean == 0))
        return NULL;
    char number[NUMBER_TEXT_MAX], ratio[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *subject = label_of_subject(report, figure->cell);
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    if (figure->value.interval.state == INTERVAL_OK)
        number_format_interval(&figure->value.interval, number);
    else
        number_format_plain(figure->value.mean, number);
    strbuf_addf(&buf, "%s: %s %s %s in %s", subject, number, count->kind->title,
                count->whole_trial ? "a trial" : "a machine", count->workload);
    if (figure->relative.ratio.state == INTERVAL_OK)
        strbuf_addf(&buf, ", %s times those of the baseline",
                    number_format_interval(&figure->relative.ratio, ratio));
    else if (figure->relative.pairs == 1)
        strbuf_addf(&buf, ", %s times those of the baseline",
                    number_format_plain(figure->relative.points[0].value, ratio));
    strbuf_addf(&buf, " (n=%zu)", figure->value.n);
    return strbuf_take(&buf);
}

const char *count_format_relative(const struct normalise_result *relative,
                                  char text[NUMBER_TEXT_MAX])
{
    char plain[NUMBER_TEXT_MAX];
    if (relative->ratio.state == INTERVAL_OK)
        return number_format_interval(&relative->ratio, text);
    if (relative->pairs == 1)
        snprintf(text, NUMBER_TEXT_MAX, "%.60s (n=1)",
                 number_format_plain(relative->points[0].value, plain));
    else
        memcpy(text, "-", 2);
    return text;
}
