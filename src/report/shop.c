/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/shop.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "report/label.h"
#include "store/kept.h"

#define MACHINES_READ_MAX 1024
#define GOOD_S_DEFAULT 3
#define TOLERABLE_S_DEFAULT 5

static bool is_shop(const struct store_cell *cell)
{
    return strcmp(cell->workload_kind, "shop") == 0;
}

static const char *find_fact(const struct store_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->fact_count; i++)
        if (strcmp(trial->facts[i].name, name) == 0)
            return trial->facts[i].value;
    return NULL;
}

static void note_damage(struct report_shop *shop, const struct error *err)
{
    if (shop->damaged++ == 0)
        shop->damage = mem_strdup(err->text);
}

/* Page times. */

static struct shop_times *find_or_add_times(struct shop_cell *cell,
                                            const struct hdrlog_interval *from)
{
    for (size_t i = 0; i < cell->times_count; i++)
        if (strcmp(cell->times[i].tag, from->tag) == 0)
            return &cell->times[i];
    const struct hdr_options options = {.digits = from->hdr.digits,
                                        .unit = UINT64_C(1) << from->hdr.unit_bits};
    struct hdr hdr;
    if (cell->times_count == SHOP_TAGS_MAX || hdr_init(&hdr, &options) < 0)
        return NULL;
    cell->times = mem_resize_array(cell->times, cell->times_count + 1, sizeof(*cell->times));
    struct shop_times *times = &cell->times[cell->times_count++];
    *times = (struct shop_times){.hdr = hdr};
    memcpy(times->tag, from->tag, sizeof(times->tag));
    return times;
}

static void add_times(struct report_shop *shop, struct shop_cell *cell,
                      const struct kept_histograms *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        struct shop_times *times = find_or_add_times(cell, &kept->items[i]);
        if (times && hdr_add(&times->hdr, &kept->items[i].hdr) == 0)
            continue;
        struct error err = {0};
        error_set(&err, ERROR_ENVIRONMENT, -EBADMSG,
                  "page times '%s': of another resolution, or one kind too many",
                  kept->items[i].tag);
        note_damage(shop, &err);
    }
    cell->trials++;
}

static void read_times(struct report_shop *shop, struct store *store, struct shop_cell *cell,
                       const struct store_trial *trial)
{
    struct error err = {0};
    CLEANUP_KEPT_HISTOGRAMS struct kept_histograms kept = {0};
    int rc = kept_read_histograms(store, trial->id, -1, KEPT_SHOP_LATENCY, &kept, &err);
    if (rc < 0)
        note_damage(shop, &err);
    if (rc > 0)
        add_times(shop, cell, &kept);
}

/* Tables. */

static void read_series(struct report_shop *shop, struct store *store,
                        const struct store_trial *trial, int machine, const char *name,
                        struct series *out_series)
{
    struct error err = {0};
    struct series series;
    int rc = kept_read_series(store, trial->id, machine, name, &series, &err);
    if (rc < 0)
        note_damage(shop, &err);
    if (rc > 0)
        *out_series = series;
}

struct mean {
    double sum;
    size_t count;
};

static void add_column(struct mean *mean, const struct series *series, const char *name)
{
    int column = series_find(series, name);
    for (size_t i = 0; i < series->rows; i++) {
        double value = series_value(series, i, column);
        if (isfinite(value)) {
            mean->sum += value;
            mean->count++;
        }
    }
}

static double mean_of(const struct mean *mean)
{
    return mean->count ? mean->sum / (double)mean->count : NAN;
}

struct cpu_means {
    struct mean busy, steal, vcpu_wait;
};

static void read_machines(struct report_shop *shop, struct store *store,
                          const struct store_trial *trial, struct cpu_means *means)
{
    for (size_t i = 0; i < trial->machine_count && i < MACHINES_READ_MAX; i++) {
        CLEANUP_SERIES struct series series = {0};
        read_series(shop, store, trial, (int)trial->machines[i].index, KEPT_MACHINE_SECONDS,
                    &series);
        add_column(&means->busy, &series, "busy");
        add_column(&means->steal, &series, "steal");
        add_column(&means->vcpu_wait, &series, "vcpu_wait");
    }
}

/* Runs. */

static double sessions_of(const struct store_trial *trial)
{
    struct mean mean = {0};
    for (size_t i = 0; i < trial->sample_count; i++)
        if (strcmp(trial->samples[i].metric, "sessions") == 0) {
            mean.sum += trial->samples[i].value;
            mean.count++;
        }
    return mean_of(&mean);
}

static void add_run(struct report_shop *shop, const struct store_cell *cell,
                    const struct store_trial *trial, size_t *capacity)
{
    MEM_GROW(shop->runs, shop->run_count, *capacity);
    shop->runs[shop->run_count++] = (struct shop_run){
        .trial = trial,
        .cell = cell,
        .sessions = sessions_of(trial),
        .verdict = find_fact(trial, "shop.verdict"),
        .ended = find_fact(trial, "shop.ended"),
        .limit = find_fact(trial, "shop.limit"),
        .beyond = find_fact(trial, "shop.beyond"),
        .setting = find_fact(trial, "shop.setting"),
    };
}

static void add_limit(double *limit_s, const char *text)
{
    double ns;
    if (!text || units_parse_number(text, &ns) < 0 || !(ns > 0))
        return;
    double seconds = ns / (double)NS_PER_S;
    if (*limit_s == 0)
        *limit_s = seconds;
    else if (*limit_s != seconds)
        *limit_s = NAN;
}

static int by_sessions(const void *left, const void *right)
{
    const struct shop_run *a = left, *b = right;
    if (a->sessions != b->sessions)
        return a->sessions < b->sessions ? -1 : 1;
    return a->trial->id < b->trial->id ? -1 : 1;
}

/* Of an even number the smaller of the middle two. */
static const struct store_trial *find_median(const struct report_shop *shop,
                                             const struct store_cell *cell)
{
    CLEANUP_FREE struct shop_run *good = mem_array(shop->run_count, sizeof(*good));
    size_t count = 0;
    for (size_t i = 0; i < shop->run_count; i++)
        if (shop->runs[i].cell == cell && shop->runs[i].trial->status == TRIAL_OK &&
            isfinite(shop->runs[i].sessions))
            good[count++] = shop->runs[i];
    if (count == 0)
        return NULL;
    qsort(good, count, sizeof(*good), by_sessions);
    return good[(count - 1) / 2].trial;
}

static void read_cell(struct report_shop *shop, struct store *store, struct shop_cell *cell)
{
    struct cpu_means means = {0};
    for (size_t i = 0; i < shop->run_count; i++) {
        const struct store_trial *trial = shop->runs[i].trial;
        if (shop->runs[i].cell != cell->cell || trial->status != TRIAL_OK)
            continue;
        read_times(shop, store, cell, trial);
        read_machines(shop, store, trial, &means);
    }
    cell->busy = mean_of(&means.busy);
    cell->steal = mean_of(&means.steal);
    cell->vcpu_wait = mean_of(&means.vcpu_wait);
    cell->shown = find_median(shop, cell->cell);
    if (!cell->shown)
        return;
    read_series(shop, store, cell->shown, -1, KEPT_SHOP_SECONDS, &cell->seconds);
    read_series(shop, store, cell->shown, -1, KEPT_SHOP_SEARCH, &cell->search);
}

/* A workload of this kind that keeps nothing but its number has nothing more to show. */
static bool is_empty(const struct report_shop *shop)
{
    for (size_t i = 0; i < shop->run_count; i++)
        if (shop->runs[i].verdict || shop->runs[i].ended || shop->runs[i].limit)
            return false;
    for (size_t i = 0; i < shop->cell_count; i++)
        if (shop->cells[i].trials || shop->cells[i].seconds.rows)
            return false;
    return shop->damaged == 0;
}

struct report_shop *shop_read(const struct report *report, struct store *store)
{
    size_t cells = 0, capacity = 0;
    for (size_t i = 0; i < report->campaign.cell_count; i++)
        cells += is_shop(&report->campaign.cells[i]);
    if (cells == 0)
        return NULL;
    struct report_shop *shop = mem_zalloc(sizeof(*shop));
    for (size_t i = 0; i < report->trial_count; i++) {
        const struct store_trial *trial = &report->trials[i];
        const struct store_cell *cell = label_find_cell(report, trial->cell_id);
        if (!cell || !is_shop(cell))
            continue;
        add_run(shop, cell, trial, &capacity);
        add_limit(&shop->good_s, find_fact(trial, "shop.good-ns"));
        add_limit(&shop->tolerable_s, find_fact(trial, "shop.tolerable-ns"));
    }
    shop->good_s = shop->good_s == 0 ? GOOD_S_DEFAULT : shop->good_s;
    shop->tolerable_s = shop->tolerable_s == 0 ? TOLERABLE_S_DEFAULT : shop->tolerable_s;
    shop->cells = mem_array(cells, sizeof(*shop->cells));
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        if (!is_shop(&report->campaign.cells[i]))
            continue;
        struct shop_cell *cell = &shop->cells[shop->cell_count++];
        cell->cell = &report->campaign.cells[i];
        read_cell(shop, store, cell);
    }
    return is_empty(shop) ? shop_free(shop) : shop;
}

struct report_shop *shop_free(struct report_shop *shop)
{
    if (!shop)
        return NULL;
    for (size_t i = 0; i < shop->cell_count; i++) {
        for (size_t j = 0; j < shop->cells[i].times_count; j++)
            hdr_done(&shop->cells[i].times[j].hdr);
        free(shop->cells[i].times);
        series_done(&shop->cells[i].seconds);
        series_done(&shop->cells[i].search);
    }
    free(shop->cells);
    free(shop->runs);
    free(shop->damage);
    free(shop);
    return NULL;
}

const struct hdr *shop_find_times(const struct shop_cell *cell, const char *tag)
{
    for (size_t i = 0; i < cell->times_count; i++)
        if (strcmp(cell->times[i].tag, tag) == 0)
            return &cell->times[i].hdr;
    return NULL;
}

bool shop_is_page(const struct shop_times *times)
{
    return strcmp(times->tag, "raw") != 0 && strcmp(times->tag, "planned") != 0 &&
           strcmp(times->tag, "lag") != 0;
}

double shop_share_within(const struct hdr *hdr, double limit_s)
{
    if (hdr->count == 0 || !(limit_s > 0))
        return NAN;
    return (double)hdr_count_to(hdr, (uint64_t)(limit_s * (double)NS_PER_S)) / (double)hdr->count;
}

double shop_quantile_s(const struct hdr *hdr, double q)
{
    return hdr && hdr->count ? (double)hdr_quantile(hdr, q) / (double)NS_PER_S : NAN;
}
