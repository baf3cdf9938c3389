/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shop-charts: the charts of workload `shop`, for all its platforms at one number of VMs. Each
 * function adds one and returns the id of its element, or 0 where there is nothing to draw.
 */
#pragma once

#include "report/html/chart.h"
#include "report/shop.h"

struct shop_view {
    const struct report *report;
    const struct report_shop *shop;
    const char *workload; /* its name in the plan */
    unsigned vms;
};

/* How long pages took, page by page, with the two times that they are held to. */
size_t shop_charts_add_pages(struct chart_list *list, const struct shop_view *view);
/* Histogram of the times with one tag: "raw" or "planned". Both have the same axes. */
size_t shop_charts_add_density(struct chart_list *list, const struct shop_view *view,
                               const char *tag);
/* A column of the seconds of the trial that is shown, against time. */
size_t shop_charts_add_seconds(struct chart_list *list, const struct shop_view *view,
                               const char *column, const char *title);
/* Share of good pages against sessions, from the steps of the search. */
size_t shop_charts_add_search(struct chart_list *list, const struct shop_view *view);
