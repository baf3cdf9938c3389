/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * comparison: what `vtax pmu compare` measured of designs of counters. No campaign: its works are
 * small, its servers stay up from one to the next, and its values are counts of the machine.
 * Rows are only ever added.
 */
#pragma once

#include "store/store.h"

/* One value of one work, done once; or why that work failed. */
struct store_measure {
    char *design, *work; /* as study/measure.h names them */
    unsigned vms;
    unsigned repeat; /* from 0 */
    char *name;      /* of the value; NULL: the work failed */
    uint64_t value;  /* below 2^63 */
    char *cause;     /* NULL unless it failed */
};

struct store_comparison {
    int64_t id;
    uint64_t start_ns; /* CLOCK_REALTIME */
    struct store_fact *facts;
    size_t fact_count;
    struct store_measure *measures; /* in the order in which they were added */
    size_t measure_count;
};

/* Adds a comparison with its facts, without measures; sets comparison->id. Makes the store when it
 * is not there. */
int store_add_comparison(struct store *store, struct store_comparison *comparison,
                         struct error *err) __attribute__((warn_unused_result));
/* Adds measures to it, all or nothing. */
int store_add_measures(struct store *store, int64_t comparison_id,
                       const struct store_measure *measures, size_t count, struct error *err)
    __attribute__((warn_unused_result));
/* The newest that has measures. 1: found, the caller's to store_comparison_done(); 0: there is
 * none. */
int store_read_comparison(struct store *store, struct store_comparison *out_comparison,
                          struct error *err) __attribute__((warn_unused_result));
void store_comparison_done(struct store_comparison *comparison);
