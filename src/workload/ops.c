/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ops: what single operations cost in each machine: VM exit, system call, context switch, page
 * fault and so on. The runner measures (guest/runner/ops/, docs/ops.md); the median of its batches
 * is the sample, the batches themselves are kept with the trial.
 */
#include <string.h>

#include "base/strbuf.h"
#include "workload/list.h"
#include "workload/ops_result.h"

#define ATTACHMENT "ops" /* the runner's lines */

#define NAME_OF(id, name, unit, primary, help) name,
static const char *const names[] = {OPS_LIST(NAME_OF) NULL};

static const struct option options[] = {
    {.name = "duration",
     .type = OPTION_DURATION,
     .offset = offsetof(struct ops_options, duration_ns),
     .value_name = "TIME",
     .fallback = "300ms",
     .min = 1e6,
     .max = 60e9,
     .help = "How long batches of each operation are taken."},
    {.name = "operations",
     .type = OPTION_TEXTS,
     .offset = offsetof(struct ops_options, operations),
     .value_name = "LIST",
     .words = names,
     .help = "Operations to measure (default: all that there are)."},
};

#define METRIC_OF(id, name, unit, primary, help)                                                   \
    [OPS_##id] = {name, unit, false, false, primary, help},
static const struct metric metrics[OPS_COUNT] = {OPS_LIST(METRIC_OF)};

#define TAIL_OF(id, name, unit, primary, help) [OPS_##id] = name ".p99_ns",
static const char *const tails[OPS_COUNT] = {OPS_LIST(TAIL_OF)};

/* What is not to be had in a machine is no sample, and the trial is good all the same: the reason
 * is kept in place of it, under the metric's name. */
static void add_figure(struct workload_run *run, unsigned machine, enum ops_id id,
                       const struct ops_figure *figure)
{
    double unit_ns = strcmp(ops_kinds[id].unit, "us") == 0 ? 1e3 : 1;
    if (!figure->asked)
        return;
    if (figure->absent[0]) {
        workload_add_missing(run, (int)machine, ops_kinds[id].name, figure->absent);
        return;
    }
    workload_add_sample(run, machine, id, figure->median.estimate / unit_ns);
    workload_add_figure(run, (int)machine, tails[id], figure->p99.estimate, NULL);
}

static int take_result(struct workload_run *run, unsigned machine,
                       const struct channel_result *printed, struct strbuf *sources,
                       struct error *err)
{
    CLEANUP_OPS_RESULT struct ops_result result = {0};
    int rc = ops_result_parse(printed->text, printed->length, &result, err);
    if (rc < 0)
        return error_prefix(err, "machine %u", machine);
    for (enum ops_id id = 0; id < OPS_COUNT; id++)
        add_figure(run, machine, id, &result.figures[id]);
    workload_add_figure(run, (int)machine, "clock_read_ns", (double)result.begin.clock_ns, NULL);
    strbuf_addf(sources, "%s%s", machine ? ", " : "", result.begin.source);
    struct strbuf lines;
    strbuf_init(&lines);
    strbuf_add(&lines, printed->text, printed->length);
    workload_attach(run, (int)machine, ATTACHMENT, "text", &lines);
    return 0;
}

static int run_ops(struct workload_run *run, struct error *err)
{
    struct workload_jobs jobs = {.directory = WORKLOAD_DIRECTORY};
    struct channel_result results[PLAN_VMS_MAX] = {0};
    struct ops_argv argv;
    CLEANUP_STRBUF struct strbuf sources;
    strbuf_init(&sources);
    ops_make_argv(run->options, GUEST_RUNNER_PATH, ".", &argv);
    for (unsigned i = 0; i < run->machine_count; i++)
        jobs.argv[i] = argv.words;
    int rc = workload_run_jobs(run, &jobs, results, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < run->machine_count && rc >= 0; i++)
        rc = take_result(run, i, &results[i], &sources, err);
    if (rc >= 0)
        workload_add_fact(run, "machine.clock-source", "%s", sources.text);
    workload_free_results(run, results);
    return rc;
}

static uint64_t estimate(const void *settings)
{
    return ops_estimate_ns(settings);
}

const struct workload workload_ops = {
    .kind = {.name = "ops",
             .help = "Cost of single operations: VM exit, system call, page fault, disk read, ...",
             .options = {options, COUNT_OF(options), sizeof(struct ops_options)},
             .estimate = estimate},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .run = run_ops,
};
