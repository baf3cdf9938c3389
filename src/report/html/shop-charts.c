/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html/shop-charts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "report/json.h"
#include "report/number.h"

#define TIME_POINTS_MAX 600 /* of a line; beyond it a point is the mean of several seconds */
#define BINS_PER_DECADE 20
#define BIN_FIRST_S 1e-4 /* faster pages fall into the first bin */
#define BINS (7 * BINS_PER_DECADE)
#define GOOD_SHARE 0.95 /* of pages, that a run needs to pass */

static bool is_seen(const struct shop_view *view, const struct shop_cell *cell)
{
    return cell->cell->vms == view->vms && strcmp(cell->cell->workload, view->workload) == 0;
}

/* The cell's series, known to the chart from now on; the caller's reference. */
static json_t *series_of(struct chart *chart, const struct shop_view *view,
                         const struct shop_cell *cell)
{
    CLEANUP_JSON json_t *mark = chart_mark(chart, view->report, cell->cell);
    return json_incref(json_object_get(mark, "series"));
}

static void see(struct chart *chart, double value)
{
    if (value > 0)
        chart->smallest_value = fmin(chart->smallest_value, value);
    chart->largest_value = fmax(chart->largest_value, value);
}

static double limit_s(double seconds, double standard)
{
    return seconds > 0 ? seconds : standard;
}

/* good, tolerable, and an axis that has room for both. */
static json_t *signals_of_times(const struct shop_view *view, const struct chart *chart,
                                const char *title)
{
    double tolerable = limit_s(view->shop->tolerable_s, 5);
    return json_pack("{s:f, s:f, s:f, s:f, s:s}", "good", limit_s(view->shop->good_s, 3),
                     "tolerable", tolerable, "floor", chart->smallest_value / 1.2, "limit",
                     fmax(chart->largest_value, tolerable) * 1.2, "title", title);
}

/* Page times, page by page. */

static void add_page(struct chart *chart, const struct shop_view *view, json_t *series,
                     const struct shop_times *times)
{
    static const struct {
        const char *name;
        double q;
    } parts[] = {{"p5", 0.05},  {"p25", 0.25}, {"p50", 0.5}, {"p75", 0.75},
                 {"p95", 0.95}, {"p99", 0.99}, {"max", 1}};
    char p50[NUMBER_TEXT_MAX], p95[NUMBER_TEXT_MAX], p99[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *tip = mem_printf(
        "%s, %s: half within %s s, 95 %% within %s s, 99 %% within %s s, %.2f %% good, n=%" PRIu64,
        json_string_value(series), times->tag,
        number_format_plain(shop_quantile_s(&times->hdr, 0.5), p50),
        number_format_plain(shop_quantile_s(&times->hdr, 0.95), p95),
        number_format_plain(shop_quantile_s(&times->hdr, 0.99), p99),
        100 * shop_share_within(&times->hdr, limit_s(view->shop->good_s, 3)), times->hdr.count);
    json_t *row = json_pack("{s:O, s:o}", "series", series, "tip", chart_shown(tip));
    chart_set_group(chart, row, times->tag);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        double seconds = fmax(shop_quantile_s(&times->hdr, parts[i].q), BIN_FIRST_S);
        see(chart, seconds);
        json_object_set_new(row, parts[i].name, json_of_number(seconds));
    }
    json_array_append_new(chart->rows, row);
}

size_t shop_charts_add_pages(struct chart_list *list, const struct shop_view *view)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < view->shop->cell_count; i++) {
        const struct shop_cell *cell = &view->shop->cells[i];
        if (!is_seen(view, cell) || cell->trials == 0)
            continue;
        CLEANUP_JSON json_t *series = series_of(&chart, view, cell);
        for (size_t j = 0; j < cell->times_count; j++)
            if (shop_is_page(&cell->times[j]) && cell->times[j].hdr.count)
                add_page(&chart, view, series, &cell->times[j]);
    }
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    return chart_finish(list, &chart, "pages",
                        signals_of_times(view, &chart, "page time from the planned start, s"));
}

/* Histograms. */

static size_t bin_of(uint64_t value_ns)
{
    double seconds = (double)value_ns / (double)NS_PER_S;
    if (seconds <= BIN_FIRST_S)
        return 0;
    double bin = floor(log10(seconds / BIN_FIRST_S) * BINS_PER_DECADE);
    return bin < BINS - 1 ? (size_t)bin : BINS - 1;
}

static double start_of_bin(size_t bin)
{
    return BIN_FIRST_S * pow(10, (double)bin / BINS_PER_DECADE);
}

static void add_point(json_t *rows, json_t *series, double x, double y)
{
    json_array_append_new(rows, json_pack("{s:O, s:f, s:f}", "series", series, "x", x, "y", y));
}

/* A line of steps that starts and ends at 0. */
static void add_density(struct chart *chart, json_t *series, const struct hdr *hdr)
{
    double shares[BINS + 1] = {0};
    size_t first = BINS, last = 0;
    struct hdr_bucket bucket = {0};
    while (hdr_next(hdr, &bucket)) {
        size_t bin = bin_of(bucket.lowest + (bucket.highest - bucket.lowest) / 2);
        shares[bin] += (double)bucket.count / (double)hdr->count;
        first = bin < first ? bin : first;
        last = bin > last ? bin : last;
    }
    add_point(chart->rows, series, start_of_bin(first), 0);
    for (size_t i = first; i <= last + 1; i++)
        add_point(chart->rows, series, start_of_bin(i), shares[i]);
}

/* The axes of raw and planned histograms span both. */
static void see_density(struct chart *chart, double *highest, const struct hdr *hdr)
{
    double shares[BINS] = {0};
    struct hdr_bucket bucket = {0};
    while (hdr && hdr_next(hdr, &bucket)) {
        size_t bin = bin_of(bucket.lowest + (bucket.highest - bucket.lowest) / 2);
        shares[bin] += (double)bucket.count / (double)hdr->count;
        *highest = fmax(*highest, shares[bin]);
        see(chart, start_of_bin(bin));
        see(chart, start_of_bin(bin + 1));
    }
}

size_t shop_charts_add_density(struct chart_list *list, const struct shop_view *view,
                               const char *tag)
{
    struct chart chart = chart_new(0);
    double highest = 0;
    for (size_t i = 0; i < view->shop->cell_count; i++) {
        const struct shop_cell *cell = &view->shop->cells[i];
        const struct hdr *hdr = shop_find_times(cell, tag);
        if (!is_seen(view, cell))
            continue;
        see_density(&chart, &highest, shop_find_times(cell, "raw"));
        see_density(&chart, &highest, shop_find_times(cell, "planned"));
        if (!hdr || hdr->count == 0)
            continue;
        CLEANUP_JSON json_t *series = series_of(&chart, view, cell);
        add_density(&chart, series, hdr);
    }
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    CLEANUP_FREE char *title =
        mem_printf("page time from the %s start, s", strcmp(tag, "raw") == 0 ? "actual" : tag);
    json_t *signals = signals_of_times(view, &chart, title);
    json_object_set_new(signals, "highest", json_real(highest * 1.05));
    return chart_finish(list, &chart, "density", signals);
}

/* Over time. */

static void add_seconds(struct chart *chart, json_t *series, const struct series *seconds,
                        const char *name)
{
    int at = series_find(seconds, "second"), column = series_find(seconds, name);
    size_t step = seconds->rows / TIME_POINTS_MAX + 1;
    for (size_t i = 0; i < seconds->rows; i += step) {
        double sum = 0;
        size_t count = 0;
        for (size_t j = i; j < i + step && j < seconds->rows; j++) {
            double value = series_value(seconds, j, column);
            sum += isfinite(value) ? value : 0;
            count += isfinite(value);
        }
        double x = series_value(seconds, i, at);
        if (count == 0 || !isfinite(x))
            continue;
        see(chart, sum / (double)count);
        add_point(chart->rows, series, x, sum / (double)count);
    }
}

size_t shop_charts_add_seconds(struct chart_list *list, const struct shop_view *view,
                               const char *column, const char *title)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < view->shop->cell_count; i++) {
        const struct shop_cell *cell = &view->shop->cells[i];
        if (!is_seen(view, cell) || cell->seconds.rows == 0)
            continue;
        CLEANUP_JSON json_t *series = series_of(&chart, view, cell);
        add_seconds(&chart, series, &cell->seconds, column);
    }
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    return chart_finish(list, &chart, "time",
                        json_pack("{s:f, s:s, s:s, s:f, s:b}", "limit",
                                  fmax(chart.largest_value * 1.05, 1), "title", title, "xTitle",
                                  "s since the first shopper", "rule", 0., "dots", false));
}

/* The search. */

static int by_x(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (a[0] > b[0]) - (a[0] < b[0]);
}

static void add_search(struct chart *chart, json_t *series, const struct series *search)
{
    int x = series_find(search, "sessions"), y = series_find(search, "good");
    CLEANUP_FREE double *pairs = mem_array(search->rows * 2, sizeof(*pairs));
    size_t count = 0;
    for (size_t i = 0; i < search->rows; i++) {
        pairs[2 * count] = series_value(search, i, x);
        pairs[2 * count + 1] = series_value(search, i, y);
        count += isfinite(pairs[2 * count]) && isfinite(pairs[2 * count + 1]);
    }
    if (count)
        qsort(pairs, count, 2 * sizeof(*pairs), by_x);
    for (size_t i = 0; i < count; i++)
        add_point(chart->rows, series, pairs[2 * i], pairs[2 * i + 1]);
}

size_t shop_charts_add_search(struct chart_list *list, const struct shop_view *view)
{
    struct chart chart = chart_new(0);
    for (size_t i = 0; i < view->shop->cell_count; i++) {
        const struct shop_cell *cell = &view->shop->cells[i];
        if (!is_seen(view, cell) || cell->search.rows == 0)
            continue;
        CLEANUP_JSON json_t *series = series_of(&chart, view, cell);
        add_search(&chart, series, &cell->search);
    }
    if (json_array_size(chart.rows) == 0)
        return chart_drop(&chart);
    return chart_finish(list, &chart, "time",
                        json_pack("{s:f, s:s, s:s, s:f, s:b}", "limit", 1.02, "title",
                                  "share of good pages", "xTitle", "sessions of all machines",
                                  "rule", GOOD_SHARE, "dots", true));
}
