/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * report: a campaign as people and programs want to see it. report_load() reads the store once and
 * computes every figure with stats/; the writers only format. No number goes without its n and its
 * interval; a failed or invalid trial is counted, listed with its cause, and never averaged in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "stats/interval.h"
#include "stats/normalise.h"
#include "store/store.h"

#define REPORT_MARGIN_DEFAULT 0.02

/* A mean over trials. Each trial gives one value; n of them were good. */
struct report_value {
    size_t n;
    double mean;              /* NaN for n 0 */
    struct interval interval; /* state INTERVAL_TOO_FEW for n < 2: show the mean with its n */
};

/* One trial as a row sees it. */
struct report_point {
    const struct store_trial *trial;
    double value;       /* mean over machines, in the metric's unit; NaN unless there is one */
    double performance; /* consolidated over machines, higher is better; NaN unless there is one */
    bool outlier;       /* its value is apart from those of the other good trials; still counted */
};

/* One cell and one of its workload's metrics. */
struct report_row {
    const struct store_cell *cell;
    const struct store_metric *metric;
    const struct report_row *baseline; /* NULL: its cell is missing; itself for the baseline */
    size_t counts[TRIAL_STATUS_COUNT];
    struct report_point *points; /* every trial of the cell, in the order they ran */
    size_t point_count;
    size_t outliers;
    struct report_value value;          /* of one machine */
    struct report_value consolidated;   /* over all machines of a trial; higher is better, but for a
                                           cost that adds up */
    struct normalise_result normalised; /* empty for the baseline, which is 1 by definition */
};

/* Boot times of one platform, number of VMs, vCPUs and memory, over all workloads. */
struct report_boot {
    const struct store_cell *cell; /* the first of them */
    struct report_value value;     /* seconds, mean over the machines of a trial */
    double *points;                /* value.n of them */
    double longest;                /* of any machine; NaN for none */
};

struct report_figure_point {
    uint64_t block;
    double value;
};

/* A further number of a cell: "cpu_ns", ... */
struct report_figure {
    const struct store_cell *cell;
    const char *name;
    bool whole_trial;                   /* else the mean over machines */
    struct report_value value;          /* over the good trials that have it */
    struct report_figure_point *points; /* value.n of them */
    size_t missing_count;               /* good trials that have a reason in place of it */
    const char *missing;                /* one of the reasons; NULL: none */
    struct normalise_result relative;   /* counts: number / that of the baseline, empty where there
                                           is none; 2 is twice as many */
};

/* One count of one workload, over all its cells. */
struct report_count {
    const char *workload;
    const char *name;              /* of the figure */
    const struct count_kind *kind; /* what it is, or is a part of */
    const char *part;              /* NULL: it is the whole */
    bool whole_trial;
    const struct report_figure **items; /* in plan order of their cells */
    size_t item_count;
    size_t valued; /* items that have a value */
    double sum;    /* of their means */
    size_t first_workload_cell;
};

/* A fact whose value was not the same in all trials. */
struct report_variation {
    const char *name;
    const char **values; /* the distinct ones in order of appearance, at most */
    size_t value_count;  /* REPORT_VALUES_SHOWN */
    size_t distinct;
    size_t trials; /* that have the fact */
    bool numeric;  /* every value starts with a number: min and max are good */
    double min, max;
};
#define REPORT_VALUES_SHOWN 8

struct report_options {
    const char *metric; /* only this one: "time" or "bzip2/time"; NULL: all */
    double margin;      /* difference that does not matter; 0: REPORT_MARGIN_DEFAULT */
};

struct report {
    char *store_path;
    struct store_campaign campaign;
    struct store_trial *trials; /* in the order they ran */
    size_t trial_count;
    uint64_t blocks; /* that have begun */
    double level;    /* of all intervals */
    bool adaptive;   /* level is that of the look at which the campaign stopped */
    double margin;
    struct report_row *rows; /* workload by workload, primary metrics first, cells in plan order */
    size_t row_count;
    struct report_boot *boots;
    size_t boot_count;
    struct report_figure *figures;
    size_t figure_count;
    struct report_count *counts; /* workload by workload, the whole before its parts */
    size_t count_count;
    struct report_explanation *explanations; /* primary metrics against their baseline */
    size_t explanation_count;                /* 0: no probe looked */
    struct report_shop *shop;       /* page times of workload `shop`; NULL: not in the campaign */
    struct report_designs *designs; /* the store's newest comparison of counters; NULL: none */
    bool emulated;                  /* counts come before what was taken with a clock */
    struct store_fact *same;        /* provenance that held for every trial; texts are borrowed */
    size_t same_count;
    struct report_variation *variations;
    size_t variation_count;
    struct report **others; /* campaigns that are shown side by side with this one */
    size_t other_count;
    bool is_other;
    bool is_marked; /* another one has a platform of the same name: say which campaign */
    struct report_index *index; /* of the above, for the maker */
    struct store *store;        /* owns the names that trials refer to */
};

/* selector as in store_read_campaign(). The store is taken over on success: report_free() closes
 * it. A metric that the campaign does not have is ERROR_USAGE and names those that it has. */
int report_load(struct store *store, const char *selector, const struct report_options *options,
                struct report **out_report, struct error *err) __attribute__((warn_unused_result));
/* Puts another campaign beside this one, each relative to its own baseline; takes it. */
void report_add_other(struct report *report, struct report *other);
/* The report itself for 0, then its others; NULL after the last. */
const struct report *report_part(const struct report *report, size_t index);
struct report *report_free(struct report *report);
DEFINE_CLEANUP(struct report *, report_free);
#define CLEANUP_REPORT CLEANUP(report_free_cleanup)

enum report_format { REPORT_TEXT, REPORT_HTML, REPORT_JSON, REPORT_CSV, REPORT_FORMAT_COUNT };
extern const char *const report_format_names[REPORT_FORMAT_COUNT + 1]; /* NULL-terminated */

struct report_style {
    bool colour;
    bool unicode;
};
/* What suits a stream: colour on a terminal unless NO_COLOR is set, UTF-8 by the locale. */
struct report_style report_style_of(FILE *stream);

/* Writes to an open stream, whose errors the caller checks. */
void report_write(const struct report *report, enum report_format format,
                  const struct report_style *style, FILE *stream);
/* Replaces the file at path by the report, all or nothing; NULL or "-": standard output. */
int report_save(const struct report *report, enum report_format format, const char *path,
                struct error *err) __attribute__((warn_unused_result));

/* What a row says in words: "2 qemu-tcg VMs reach 18 % [16, 20] of native in bzip2 (time, n=5)".
 * The caller's to free; texts are as in the store, not yet escaped. */
char *report_sentence(const struct report *report, const struct report_row *row);

/* Is this row's sentence among those to tell? With many cells only those for the smallest and the
 * largest number of VMs are. */
bool report_is_told(const struct report *report, const struct report_row *row);
bool report_is_told_cell(const struct report *report, const struct store_cell *cell);

/* "s" -> "1/s" where the consolidated value is a rate; the caller's to free. */
char *report_consolidated_unit(const struct store_metric *metric);

/* What must stand beside every number of this campaign, since it was not measured on a real host
 * (fact lab.kind); NULL: nothing. The caller's to free. */
char *report_caution(const struct report *report);
