/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * workload: what runs. A back-end is one const struct workload in the visible array `workloads`, in
 * a file of its own of about 100 lines. Its hooks see the machines of one trial and add samples.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "guest/channel.h"
#include "machine/machine.h"
#include "plan/plan.h"

#define WORKLOAD_METRICS_MAX 32

struct metric {
    const char *name; /* "time" */
    const char *unit; /* "s" */
    bool higher_is_better;
    bool adds_up; /* the sum over machines means something (throughput); else consolidate 1/value */
    bool primary; /* the one that verdicts and charts are about; at least one in a workload */
    const char *help;
};

struct workload_sample {
    unsigned machine;
    unsigned metric; /* index into workload->metrics */
    double value;
};

/* Further things that a trial brings home; names that are const are not copied. machine -1: the
 * whole trial. */
struct workload_figure {
    int machine;
    const char *name;
    double value;
    const char *missing; /* NULL: value is good; else why there is none */
};
struct workload_fact {
    const char *name;
    char *value;
};
struct workload_attachment {
    int machine;
    const char *name;
    const char *encoding;
    char *bytes;
    size_t length;
};

/* Told when a measured interval begins and ends: as the barrier opens, and once all have finished.
 */
struct workload_meter {
    void (*begin)(void *context);
    void (*end)(void *context);
    void *context;
};

/* One trial as a workload sees it. */
struct workload_run {
    const struct workload *workload;
    const void *options; /* the struct that workload->kind.options describes */
    struct machine **machines;
    unsigned machine_count;
    struct channel *load; /* the load side: a sandbox of the same root file system; may be NULL */
    const struct network *network;          /* of the campaign */
    const struct plan_placement *placement; /* of the plan */
    const struct workload_meter *meter;     /* may be NULL */
    const char *directory;                  /* on the host, the campaign's own */
    const char *scratch_source; /* host file with what each first scratch disk held; may be NULL */
    uint64_t seed;              /* of the campaign: input is the same in every trial */
    uint64_t timeout_ns;        /* for each step */
    void *state;                /* the back-end's own, freed by finish */

    /* Filled by the hooks. */
    struct workload_sample *samples;
    size_t sample_count;
    size_t sample_capacity;
    struct workload_figure *figures;
    size_t figure_count;
    size_t figure_capacity;
    struct workload_fact *facts;
    size_t fact_count;
    size_t fact_capacity;
    struct workload_attachment *attachments;
    size_t attachment_count;
    size_t attachment_capacity;
    char **texts; /* what figures may give as the reason */
    size_t text_count;
    size_t text_capacity;
    uint64_t host_ns[PLAN_VMS_MAX];       /* duration of the measured part on the host's clock */
    uint64_t guest_ns[PLAN_VMS_MAX];      /* ... and on the machine's; 0: not taken inside */
    uint64_t round_trip_ns[PLAN_VMS_MAX]; /* of the channel: what host_ns may have too much */
    char invalid[256];                    /* not empty: the trial ran but must not count, and why */
};

struct workload {
    struct plan_kind kind;
    const struct metric *metrics;
    size_t metric_count;
    /* Size of each of the two raw scratch disks that a machine needs; NULL: none. The first one
     * holds seeded data, the same in every machine, when the machine starts. */
    uint64_t (*scratch_bytes)(const void *options);
    bool needs_load_side; /* run->load is used */
    bool is_fake;         /* runs on the platform `fake` and on no other */
    /* Before the clock starts: generate input, start servers. May be NULL. */
    int (*prepare)(struct workload_run *run, struct error *err);
    /* The measured part, on all machines at once. */
    int (*run)(struct workload_run *run, struct error *err);
    /* After the clock stopped: is the result right? A wrong result is an error. May be NULL. */
    int (*verify)(struct workload_run *run, struct error *err);
    void (*finish)(struct workload_run *run); /* may be NULL */
};

/* Frees what the hooks have filled in. */
void workload_run_done(struct workload_run *run);

extern const struct workload *const workloads[]; /* NULL-terminated */
const struct workload *workload_find(const struct plan_kind *kind);

/* For back-ends. */
void workload_add_sample(struct workload_run *run, unsigned machine, unsigned metric, double value);

/* A value that is not finite is stored as missing for the reason given; NULL: "not measured". */
/* Figure of a machine whose work is the same on all platforms, as the plan says how much: counts of
 * what it took may then be compared. */
#define WORKLOAD_FIXED_WORK "fixed_work"
void workload_add_figure(struct workload_run *run, int machine, const char *name, double value,
                         const char *missing);
/* A machine that cannot give a metric has no sample of it, but this under its name. The reason is
 * copied. */
void workload_add_missing(struct workload_run *run, int machine, const char *name,
                          const char *reason);
/* A trial has one fact of a name: what is said later joins what was said, behind a semicolon. */
void workload_add_fact(struct workload_run *run, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the text over. */
void workload_attach(struct workload_run *run, int machine, const char *name, const char *encoding,
                     struct strbuf *text);

/* Starts argv_of(i) in every machine, or for every machine on the load side, at one barrier; waits;
 * stores host_ns and guest_ns; results[i] is the caller's to free. A status other than 0 is an
 * error that names the machine and quotes its last line. */
struct workload_jobs {
    const char *const *argv[PLAN_VMS_MAX];
    const char *directory;
    bool on_load_side;
};
int workload_run_jobs(struct workload_run *run, const struct workload_jobs *jobs,
                      struct channel_result *results, struct error *err)
    __attribute__((warn_unused_result));
void workload_free_results(const struct workload_run *run, struct channel_result *results);

/* The machines' own clocks, read before and after something. */
struct workload_clock {
    uint64_t early_ns, late_ns; /* on the host's clock, around the reading */
    uint64_t machine_ns;        /* /proc/uptime, to 10 ms */
};
int workload_read_clocks(struct workload_run *run, struct workload_clock clocks[PLAN_VMS_MAX],
                         struct error *err) __attribute__((warn_unused_result));
/* What went by between two readings, as in struct workload_run. */
struct workload_span {
    uint64_t host_ns, guest_ns, round_trip_ns;
};
struct workload_span workload_clock_span(const struct workload_clock *before,
                                         const struct workload_clock *after);
/* Sets host_ns, guest_ns and round_trip_ns to that, for a workload that no program in the machines
 * times. */
void workload_compare_clocks(struct workload_run *run, const struct workload_clock *before,
                             const struct workload_clock *after);

/* Runs argv in each machine in turn, where a status other than 0 is an error. */
int workload_check_all(struct workload_run *run, const char *const *argv, struct error *err)
    __attribute__((warn_unused_result));
/* Runs argv in all machines at once, likewise; not measured. */
int workload_check_together(struct workload_run *run, const char *const *argv, struct error *err)
    __attribute__((warn_unused_result));

/* The directory in every machine that is on a disk and that a workload may write to: one that every
 * root file system has, a user's own as well. */
#define WORKLOAD_DIRECTORY MACHINE_WORK_DIRECTORY
