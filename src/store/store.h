/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * store: everything that was measured, in one SQLite file. Raw samples are only ever added. One
 * campaign writes at a time; any number of readers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct store;

enum store_mode {
    STORE_READ,  /* must exist */
    STORE_WRITE, /* made when missing; -EBUSY while another campaign runs on it */
};

/* path NULL: the default below XDG data. A file that is not a store, is corrupt, or was written by
 * a newer version is refused (ERROR_USAGE) and left as it is. STORE_WRITE on a file that is not
 * there makes it with the first campaign, not before; its directory must be there (but the default
 * one). While a store is open for writing there is a file PATH-lock beside it. */
int store_open(const char *path, enum store_mode mode, struct store **out_store, struct error *err)
    __attribute__((warn_unused_result));
const char *store_path(const struct store *store);
struct store *store_close(struct store *store);

enum trial_status {
    TRIAL_OK,
    TRIAL_FAILED,  /* did not finish, or its result was wrong */
    TRIAL_INVALID, /* finished but must not count (clock-suspect, overloaded load side, ...) */
    TRIAL_STATUS_COUNT,
};
extern const char *const trial_status_names[TRIAL_STATUS_COUNT]; /* "ok", "failed", "invalid" */

struct store_fact { /* one line of provenance */
    char *name;     /* "host.cpu.model" */
    char *value;
};

struct store_cell {
    int64_t id;     /* of the row */
    size_t index;   /* position in plan_expand() */
    char *platform; /* name in the plan */
    char *platform_kind;
    char *workload; /* name in the plan */
    char *workload_kind;
    char *parameters; /* "key=value ..." canonical */
    unsigned vms;
    unsigned vcpus;
    uint64_t memory_bytes;
    bool is_baseline;
    size_t baseline_index; /* the cell it is compared with */
};

struct store_metric {
    char *workload; /* name in the plan */
    char *name;
    char *unit;
    bool higher_is_better;
    bool adds_up;
    bool primary;
};

struct store_campaign {
    int64_t id;
    char *name;
    char *plan_text; /* canonical YAML */
    char *plan_digest;
    uint64_t seed;
    uint64_t start_ns; /* CLOCK_REALTIME */
    uint64_t end_ns;   /* 0: not ended */
    bool complete;
    char *end_cause; /* why it ended: "blocks", "ci", "budget", "interrupted", ... */
    struct store_cell *cells;
    size_t cell_count;
    struct store_metric *metrics;
    size_t metric_count;
    struct store_fact *facts; /* provenance that holds for every trial */
    size_t fact_count;
    size_t trial_counts[TRIAL_STATUS_COUNT]; /* read only */
};

struct store_machine {
    unsigned index;
    uint64_t boot_ns;   /* 0: never became ready */
    uint64_t host_ns;   /* measured part, host's clock */
    uint64_t guest_ns;  /* measured part, guest's clock; 0: not taken */
    char *console_tail; /* NULL: none kept */
};

/* The const texts below are not freed by store_trial_done(). Those of a trial that was read live
 * until store_close(), one copy for all that are equal. */
struct store_sample {
    unsigned machine;   /* index */
    const char *metric; /* name */
    double value;       /* finite, in the metric's unit */
};

/* Further numbers of a machine or of the whole trial (machine -1): "cpu_ns", "vcpu_wait_ns", ... */
struct store_figure {
    int machine;
    const char *name;
    double value;
    const char *missing; /* NULL: value is good; else why there is none */
};

/* Anything longer of a machine or of the whole trial (machine -1): a console log, a snapshot of
 * /proc, a histogram, a series. One of a name for each machine. */
struct store_attachment {
    int machine;
    char *name;     /* "console", "proc/stat", "latency" */
    char *encoding; /* how to read the bytes: "text", "json", "hdr-v2", "f64le" */
    void *bytes;
    size_t length;
};
#define STORE_ATTACHMENT_BYTES_MAX (64 << 20)

struct store_trial {
    int64_t id;
    int64_t cell_id;
    uint64_t block;
    size_t position; /* in its block */
    enum trial_status status;
    char *cause;                                              /* NULL when ok */
    uint64_t start_ns;                                        /* CLOCK_REALTIME */
    uint64_t boot_ns, prepare_ns, run_ns, verify_ns, stop_ns; /* wall time of each phase */
    struct store_machine *machines;
    size_t machine_count;
    struct store_sample *samples;
    size_t sample_count;
    struct store_figure *figures;
    size_t figure_count;
    struct store_figure *readings; /* what probes saw: probe/probe.h, docs/explain.md */
    size_t reading_count;
    struct store_fact *facts; /* provenance of this trial: load before it, frequency, ... */
    size_t fact_count;
    struct store_attachment *attachments; /* stored with the trial; not read with it */
    size_t attachment_count;
    char **texts; /* what figures and readings may point to; freed with the trial */
    size_t text_count;
};

/* Adds a campaign with its cells, metrics and facts, all or nothing; sets campaign->id and each
 * cell's id. */
int store_add_campaign(struct store *store, struct store_campaign *campaign, struct error *err)
    __attribute__((warn_unused_result));
/* Adds a finished trial in one transaction; sets trial->id. A sample of a metric that the cell's
 * workload does not have, or that is not finite, is -EINVAL (ERROR_INTERNAL). */
int store_add_trial(struct store *store, struct store_trial *trial, struct error *err)
    __attribute__((warn_unused_result));
int store_end_campaign(struct store *store, int64_t campaign_id, bool complete, const char *cause,
                       struct error *err) __attribute__((warn_unused_result));
/* A campaign that is resumed has no end again. */
int store_reopen_campaign(struct store *store, int64_t campaign_id, struct error *err)
    __attribute__((warn_unused_result));

/* Copies a campaign with all its trials, samples, figures and attachments from another store into
 * this one, open for writing; the facts are added to its own. selector as in store_read_campaign().
 * *out_id: its id here. When it fails in the middle, what is here then is a campaign without an
 * end. */
int store_import(struct store *to, struct store *from, const char *selector,
                 const struct store_fact *facts, size_t fact_count, int64_t *out_id,
                 struct error *err) __attribute__((warn_unused_result));

/* All campaigns, oldest first, without trials; none is fine. */
int store_list_campaigns(struct store *store, struct store_campaign **out_campaigns,
                         size_t *out_count, struct error *err) __attribute__((warn_unused_result));
/* selector: an id, a name (its newest), or NULL for the newest of all. An unknown one is
 * ERROR_USAGE and names those that are there. */
int store_read_campaign(struct store *store, const char *selector,
                        struct store_campaign *out_campaign, struct error *err)
    __attribute__((warn_unused_result));
/* The value of one of its facts; NULL: it has none of this name. */
const char *store_campaign_find_fact(const struct store_campaign *campaign, const char *name);
/* Every trial in the order in which they ran. A million samples take about a second. */
int store_read_trials(struct store *store, int64_t campaign_id, struct store_trial **out_trials,
                      size_t *out_count, struct error *err) __attribute__((warn_unused_result));

/* What is attached to a trial, by machine and name, without bytes (NULL, length set). */
int store_list_attachments(struct store *store, int64_t trial_id,
                           struct store_attachment **out_attachments, size_t *out_count,
                           struct error *err) __attribute__((warn_unused_result));
/* One of them with its bytes, which have a NUL behind them. 1: found; 0: there is none. */
int store_read_attachment(struct store *store, int64_t trial_id, int machine, const char *name,
                          struct store_attachment *out_attachment, struct error *err)
    __attribute__((warn_unused_result));

/* Could a machine of the trial not give this metric? Then there is a figure of its name with the
 * reason, and what the other machines gave is not the whole. */
bool store_trial_lacks(const struct store_trial *trial, const char *metric);

void store_campaign_done(struct store_campaign *campaign);
void store_trial_done(struct store_trial *trial);
void store_attachment_done(struct store_attachment *attachment);
/* Frees the arrays that the readers above return, with what is in them; NULL is fine. */
void store_free_campaigns(struct store_campaign *campaigns, size_t count);
void store_free_trials(struct store_trial *trials, size_t count);
void store_free_attachments(struct store_attachment *attachments, size_t count);
