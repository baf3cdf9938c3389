/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chart: how the data of one chart come together, and the list of a page's charts. A chart is a
 * specification below data/charts/ with values and signals put in by data/report/report.js.
 */
#pragma once

#include <jansson.h>

#include "report/report.h"

struct chart_list {
    json_t *charts; /* array; each names its element, specification, data and signals */
    size_t count;
};

/* A chart that is being made. */
struct chart {
    json_t *rows;          /* marks with a mean and its interval */
    json_t *points;        /* dots: single values */
    json_t *series;        /* labels in order of appearance: one colour each */
    json_t *groups;        /* what the columns of a chart with columns stand for, likewise */
    json_t *vms;           /* numbers of VMs, ascending */
    double smallest_value; /* above 0, of means and dots */
    double largest_value;  /* of means and dots */
    double largest_bound;  /* of intervals */
    size_t stride;
    size_t seen;
};

/* points: how many dots will come; of very many only every second, third, ... is drawn. */
struct chart chart_new(size_t points);

/* What the row and the dots of a cell have in common; its group is the number of VMs unless
 * chart_set_group() says otherwise. The caller's until it is given to chart_add_row(). */
json_t *chart_mark(struct chart *chart, const struct report *report, const struct store_cell *cell);
/* The same for marks that are no cell's: their series and label. */
json_t *chart_mark_named(struct chart *chart, const char *series, const char *label, unsigned vms);
void chart_set_group(struct chart *chart, json_t *mark, const char *group);
/* Takes mark. */
void chart_add_row(struct chart *chart, json_t *mark, const struct report_value *value);

struct chart_dot {
    double value;
    bool outlier;
    const char *what; /* "block" */
    uint64_t number;
};
void chart_add_dot(struct chart *chart, const json_t *mark, const struct chart_dot *dot);

/* Where the axis ends. Wide intervals of few values may leave the picture; the dots may not. */
double chart_limit(const struct chart *chart, double least);

/* Adds it to the list and returns the id of its element, which counts from 1. spec: "rows", ...;
 * signals is taken. */
size_t chart_finish(struct chart_list *list, struct chart *chart, const char *spec,
                    json_t *signals);
/* Forgets it; 0, which stands for no chart. */
size_t chart_drop(struct chart *chart);

/* Names as they are shown: what would play tricks with a reader's eyes is taken out. */
json_t *chart_shown(const char *text);

/* {"series": [...], "charts": [...]}, taken over by the caller. */
json_t *chart_take_data(struct chart_list *list, const struct report *report);
/* Does one of its charts have this specification? */
bool chart_is_used(const json_t *data, const char *spec);
