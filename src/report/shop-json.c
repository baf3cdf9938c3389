/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "report/json.h"
#include "report/shop.h"

static json_t *times_of(const struct report_shop *shop, const struct shop_times *times)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5},  {"p90", 0.9},    {"p95", 0.95},
                     {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    json_t *object =
        json_pack("{s:o, s:b, s:o, s:o, s:o}", "of", json_of_text(times->tag), "page",
                  shop_is_page(times), "n", json_of_count(times->hdr.count), "good",
                  json_of_number(shop_share_within(&times->hdr, shop->good_s)), "tolerable",
                  json_of_number(shop_share_within(&times->hdr, shop->tolerable_s)));
    for (size_t i = 0; i < COUNT_OF(quantiles); i++)
        json_object_set_new(object, quantiles[i].name,
                            json_of_number(shop_quantile_s(&times->hdr, quantiles[i].q)));
    return object;
}

static json_t *cell_of(const struct report_shop *shop, const struct shop_cell *cell)
{
    json_t *times = json_array();
    for (size_t i = 0; i < cell->times_count; i++)
        json_array_append_new(times, times_of(shop, &cell->times[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "cell", json_of_count(cell->cell->index),
                     "trials", json_of_count(cell->trials), "seconds", times, "busy",
                     json_of_number(cell->busy), "steal", json_of_number(cell->steal), "vcpu_wait",
                     json_of_number(cell->vcpu_wait));
}

static json_t *run_of(const struct shop_run *run)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "trial",
                     json_integer(run->trial->id), "block", json_of_count(run->trial->block),
                     "cell", json_of_count(run->cell->index), "status",
                     trial_status_names[run->trial->status], "sessions",
                     json_of_number(run->sessions), "verdict", json_of_text(run->verdict), "limit",
                     json_of_text(run->limit), "ended", json_of_text(run->ended), "beyond",
                     json_of_text(run->beyond), "setting", json_of_text(run->setting));
}

json_t *json_of_shop(const struct report_shop *shop)
{
    if (!shop)
        return json_null();
    json_t *cells = json_array(), *runs = json_array();
    for (size_t i = 0; i < shop->cell_count; i++)
        json_array_append_new(cells, cell_of(shop, &shop->cells[i]));
    for (size_t i = 0; i < shop->run_count; i++)
        json_array_append_new(runs, run_of(&shop->runs[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "good_s", json_of_number(shop->good_s),
                     "tolerable_s", json_of_number(shop->tolerable_s), "cells", cells, "runs", runs,
                     "damaged", json_of_count(shop->damaged), "damage", json_of_text(shop->damage));
}
