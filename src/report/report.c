/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "base/lab.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "report/causes.h"
#include "report/count.h"
#include "report/designs.h"
#include "report/figure.h"
#include "report/provenance.h"
#include "report/row.h"
#include "report/shop.h"
#include "stats/looks.h"

/* The trials of each cell. */
struct report_index {
    struct row_trials *by_cell;
    size_t cell_count;
};

/* cell_count when there is none, which the store's foreign keys do not let happen. */
static size_t find_cell(const struct store_campaign *campaign, int64_t id)
{
    /* Rows of one campaign are added together: ids are consecutive, in plan order. */
    int64_t guess = campaign->cell_count ? id - campaign->cells[0].id : -1;
    if (guess >= 0 && (size_t)guess < campaign->cell_count && campaign->cells[guess].id == id)
        return (size_t)guess;
    size_t at = 0;
    while (at < campaign->cell_count && campaign->cells[at].id != id)
        at++;
    return at;
}

static struct report_index *index_trials(const struct report *report)
{
    struct report_index *index = mem_zalloc(sizeof(*index));
    index->cell_count = report->campaign.cell_count;
    index->by_cell = mem_array(index->cell_count, sizeof(*index->by_cell));
    CLEANUP_FREE size_t *capacities = mem_array(index->cell_count, sizeof(*capacities));
    for (size_t i = 0; i < report->trial_count; i++) {
        size_t at = find_cell(&report->campaign, report->trials[i].cell_id);
        if (at == index->cell_count)
            continue;
        struct row_trials *trials = &index->by_cell[at];
        MEM_GROW(trials->items, trials->count, capacities[at]);
        trials->items[trials->count++] = &report->trials[i];
    }
    return index;
}

static void free_index(struct report_index *index)
{
    for (size_t i = 0; index && i < index->cell_count; i++)
        free(index->by_cell[i].items);
    if (index)
        free(index->by_cell);
    free(index);
}

static uint64_t count_blocks(const struct report *report)
{
    uint64_t blocks = 0;
    for (size_t i = 0; i < report->trial_count; i++)
        if (report->trials[i].block >= blocks)
            blocks = report->trials[i].block + 1;
    return blocks;
}

static bool read_count(const struct report *report, const char *name, uint64_t *out_count)
{
    const char *text = provenance_find(report, name);
    return text && units_parse_count(text, out_count) == 0;
}

/* A campaign that may stop when its intervals are narrow enough has the level of its last look. */
static void set_level(struct report *report)
{
    uint64_t first = 0, last = 0;
    double level = 0.95;
    struct looks looks;
    report->level = level;
    const char *text = provenance_find(report, "stopping.level");
    if (text && (units_parse_number(text, &level) < 0 || !(level > 0 && level < 1)))
        level = 0.95;
    if (report->blocks == 0 || !read_count(report, "stopping.first-blocks", &first) ||
        !read_count(report, "stopping.max-blocks", &last) ||
        looks_init(&looks, first, last, level) < 0)
        return;
    report->level = looks_level_at(&looks, report->blocks);
    report->adaptive = true;
}

static bool is_metric_wanted(const struct store_metric *metric, const char *wanted)
{
    if (!wanted || strcmp(metric->name, wanted) == 0)
        return true;
    size_t length = strlen(metric->workload);
    return strncmp(wanted, metric->workload, length) == 0 && wanted[length] == '/' &&
           strcmp(wanted + length + 1, metric->name) == 0;
}

static int refuse_metric(const struct report *report, const char *wanted, struct error *err)
{
    CLEANUP_STRBUF struct strbuf known;
    strbuf_init(&known);
    for (size_t i = 0; i < report->campaign.metric_count; i++)
        strbuf_addf(&known, "%s%s/%s", i ? ", " : "", report->campaign.metrics[i].workload,
                    report->campaign.metrics[i].name);
    return error_set(err, ERROR_USAGE, -ENOENT,
                     "report on campaign '%s': no metric '%s' (there are: %s)",
                     report->campaign.name, wanted, known.length ? known.text : "none");
}

static void add_rows_of_metric(struct report *report, const struct store_metric *metric,
                               size_t *capacity)
{
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        const struct store_cell *cell = &report->campaign.cells[i];
        if (strcmp(cell->workload, metric->workload) != 0)
            continue;
        MEM_GROW(report->rows, report->row_count, *capacity);
        struct report_row *row = &report->rows[report->row_count++];
        *row = (struct report_row){.cell = cell, .metric = metric};
        row_fill(row, &report->index->by_cell[i], report->level);
    }
}

/* Metrics workload by workload as the plan names them, primary ones first. */
static void add_rows(struct report *report, const char *wanted)
{
    const struct store_campaign *campaign = &report->campaign;
    CLEANUP_FREE bool *done = mem_array(campaign->metric_count, sizeof(*done));
    size_t capacity = 0;
    for (size_t i = 0; i < campaign->metric_count; i++)
        for (int primary = 1; primary >= 0; primary--)
            for (size_t j = i; j < campaign->metric_count; j++) {
                const struct store_metric *metric = &campaign->metrics[j];
                if (done[j] || metric->primary != (primary == 1) ||
                    strcmp(metric->workload, campaign->metrics[i].workload) != 0)
                    continue;
                done[j] = true;
                if (is_metric_wanted(metric, wanted))
                    add_rows_of_metric(report, metric, &capacity);
            }
}

static const struct report_row *find_row(const struct report *report,
                                         const struct store_metric *metric, size_t cell_index)
{
    for (size_t i = 0; i < report->row_count; i++)
        if (report->rows[i].metric == metric && report->rows[i].cell->index == cell_index)
            return &report->rows[i];
    return NULL;
}

static void normalise_rows(struct report *report)
{
    const struct normalise_options options = {
        .level = report->level, .margin = report->margin, .seed = report->campaign.seed};
    for (size_t i = 0; i < report->row_count; i++) {
        struct report_row *row = &report->rows[i];
        row->baseline =
            row->cell->is_baseline ? row : find_row(report, row->metric, row->cell->baseline_index);
        row_normalise(row, &options);
    }
}

static int fill(struct report *report, const struct report_options *options, struct error *err)
{
    report->margin = options->margin > 0 ? options->margin : REPORT_MARGIN_DEFAULT;
    report->blocks = count_blocks(report);
    provenance_split(report);
    set_level(report);
    report->index = index_trials(report);
    add_rows(report, options->metric);
    if (options->metric && report->row_count == 0)
        return refuse_metric(report, options->metric, err);
    normalise_rows(report);
    figure_fill_boots(report, report->index->by_cell);
    figure_fill_figures(report, report->index->by_cell);
    count_fill(report);
    causes_fill(report);
    report->emulated = provenance_find(report, LAB_FACT) != NULL;
    return 0;
}

int report_load(struct store *store, const char *selector, const struct report_options *options,
                struct report **out_report, struct error *err)
{
    CLEANUP_REPORT struct report *report = mem_zalloc(sizeof(*report));
    int rc = store_read_campaign(store, selector, &report->campaign, err);
    if (rc == 0)
        rc = store_read_trials(store, report->campaign.id, &report->trials, &report->trial_count,
                               err);
    if (rc < 0)
        return rc;
    report->store_path = mem_strdup(store_path(store));
    rc = fill(report, options, err);
    if (rc == 0)
        rc = designs_read(store, &report->designs, err);
    if (rc < 0)
        return rc;
    report->shop = shop_read(report, store);
    report->store = store;
    *out_report = TAKE_PTR(report);
    return 0;
}

/* Baselines apart, which every campaign has. */
static bool has_platform(const struct report *report, const char *platform)
{
    for (size_t i = 0; i < report->campaign.cell_count; i++)
        if (!report->campaign.cells[i].is_baseline &&
            strcmp(report->campaign.cells[i].platform, platform) == 0)
            return true;
    return false;
}

static bool shares_platform(const struct report *a, const struct report *b)
{
    for (size_t i = 0; i < a->campaign.cell_count; i++)
        if (!a->campaign.cells[i].is_baseline && has_platform(b, a->campaign.cells[i].platform))
            return true;
    return false;
}

void report_add_other(struct report *report, struct report *other)
{
    other->is_other = true;
    for (size_t i = 0; report_part(report, i); i++)
        other->is_marked |= shares_platform(other, report_part(report, i));
    report->others =
        mem_resize_array(report->others, report->other_count + 1, sizeof(*report->others));
    report->others[report->other_count++] = other;
}

const struct report *report_part(const struct report *report, size_t index)
{
    if (index == 0)
        return report;
    return index <= report->other_count ? report->others[index - 1] : NULL;
}

struct report *report_free(struct report *report)
{
    if (!report)
        return NULL;
    for (size_t i = 0; i < report->other_count; i++)
        report_free(report->others[i]);
    free(report->others);
    for (size_t i = 0; i < report->row_count; i++)
        row_done(&report->rows[i]);
    free(report->rows);
    count_done(report);
    free(report->explanations);
    shop_free(report->shop);
    designs_free(report->designs);
    figure_done(report);
    provenance_done(report);
    free_index(report->index);
    store_free_trials(report->trials, report->trial_count);
    store_campaign_done(&report->campaign);
    store_close(report->store);
    free(report->store_path);
    free(report);
    return NULL;
}
