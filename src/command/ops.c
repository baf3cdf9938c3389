/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax ops: what single operations cost here, by the program that workload ops runs in machines.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "command/list.h"
#include "guest/program.h"
#include "guest/protocol.h"
#include "report/number.h"
#include "workload/list.h"
#include "workload/ops_result.h"

#define PATIENCE 10 /* times the estimate */
#define PATIENCE_MIN_NS (60 * NS_PER_S)
#define TAIL_BATCHES_MIN 100 /* below, the 99th percentile is the maximum */

struct command_options {
    bool json;
    bool list;
    char *directory;
};

static const struct option options[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct command_options, json),
     .help = "Print JSON in place of text."},
    {.name = "list",
     .type = OPTION_FLAG,
     .offset = offsetof(struct command_options, list),
     .help = "List the operations, and measure nothing."},
    {.name = "directory",
     .type = OPTION_TEXT,
     .offset = offsetof(struct command_options, directory),
     .value_name = "DIR",
     .fallback = "/var/tmp",
     .help = "Where the disk operations have their file; it must be on a disk."},
};

static const struct option_table table = {options, COUNT_OF(options),
                                          sizeof(struct command_options)};

/* The runner as a file without a name, so that what is run is what machines get. */
static int open_runner(struct error *err)
{
    CLEANUP_FD int fd = memfd_create(PROTOCOL_RUNNER_NAME, 0); /* stays open in the child */
    size_t length = (size_t)(guest_program_end - guest_program);
    if (fd < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "make room for '%s'",
                               PROTOCOL_RUNNER_NAME);
    for (size_t done = 0; done < length;) {
        ssize_t got = write(fd, guest_program + done, length - done);
        if (got < 0 && errno != EINTR)
            return error_set_errno(err, ERROR_FAILED, -errno, "make room for '%s'",
                                   PROTOCOL_RUNNER_NAME);
        done += got > 0 ? (size_t)got : 0;
    }
    return TAKE_FD(fd);
}

static uint64_t timeout_ns(const struct ops_options *want)
{
    uint64_t patience_ns = PATIENCE * ops_estimate_ns(want);
    return patience_ns > PATIENCE_MIN_NS ? patience_ns : PATIENCE_MIN_NS;
}

static int measure(const struct ops_options *want, const char *directory,
                   struct ops_result *out_result, struct error *err)
{
    CLEANUP_FD int runner = open_runner(err);
    if (runner < 0)
        return runner;
    char path[32];
    struct ops_argv argv;
    struct process_output output;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", runner);
    ops_make_argv(want, path, directory, &argv);
    const struct process_options process = {.argv = argv.words, .dies_with_parent = true};
    int rc = process_run(&process, timeout_ns(want), (size_t)PROTOCOL_OUTPUT_MAX, &output, err);
    if (rc < 0)
        return error_prefix(err, "measure operations");
    if (output.status == 0)
        rc = ops_result_parse(output.text, output.length, out_result, err);
    else
        rc = error_set(err, ERROR_FAILED, -EIO, "measure operations: '%s' ended with %d: %.200s",
                       PROTOCOL_RUNNER_NAME, output.status, output.text);
    free(output.text);
    return rc;
}

static struct interval scale(struct interval interval, double factor)
{
    interval.estimate *= factor;
    interval.lo *= factor;
    interval.hi *= factor;
    return interval;
}

static void format_quantile(const struct interval *interval, double factor,
                            char text[NUMBER_TEXT_MAX])
{
    struct interval scaled = scale(*interval, factor);
    if (interval->state == INTERVAL_OK)
        number_format_interval(&scaled, text);
    else
        number_format_plain(scaled.estimate, text);
}

static void print_figure(enum ops_id id, const struct ops_figure *figure)
{
    const struct ops_kind *kind = &ops_kinds[id];
    double factor = strcmp(kind->unit, "us") == 0 ? 1e-3 : 1;
    char median[NUMBER_TEXT_MAX], tail[NUMBER_TEXT_MAX] = "-";
    if (!figure->asked)
        return;
    if (figure->absent[0]) {
        printf("%-14s not available: %s\n", kind->name, figure->absent);
        return;
    }
    format_quantile(&figure->median, factor, median);
    if (figure->n >= TAIL_BATCHES_MIN)
        format_quantile(&figure->p99, factor, tail);
    printf("%-14s %-2s  %-22s %-22s %4zu x %" PRIu64 "\n", kind->name, kind->unit, median, tail,
           figure->n, figure->count);
}

static void print_text(const struct ops_result *result)
{
    printf("%" PRIu64 " CPU%s, clock source %s, read in %" PRIu64 " ns\n\n", result->begin.cpus,
           result->begin.cpus == 1 ? "" : "s", result->begin.source, result->begin.clock_ns);
    printf("%-14s %-2s  %-22s %-22s %s\n", "operation", "", "median [95 %]",
           "99th percentile [95 %]", "batches x size");
    for (enum ops_id id = 0; id < OPS_COUNT; id++)
        print_figure(id, &result->figures[id]);
}

static void print_list(void)
{
    for (enum ops_id id = 0; id < OPS_COUNT; id++)
        printf("%-14s %s\n", ops_kinds[id].name, ops_kinds[id].help);
}

static json_t *json_of_interval(const struct interval *interval)
{
    if (interval->state != INTERVAL_OK)
        return json_pack("{s:f, s:n, s:n}", "estimate", interval->estimate, "lo", "hi");
    return json_pack("{s:f, s:f, s:f}", "estimate", interval->estimate, "lo", interval->lo, "hi",
                     interval->hi);
}

static json_t *json_of_figure(enum ops_id id, const struct ops_figure *figure)
{
    if (figure->absent[0])
        return json_pack("{s:s, s:s}", "name", ops_kinds[id].name, "not_available", figure->absent);
    json_t *batches = json_array();
    for (size_t i = 0; i < figure->n; i++)
        json_array_append_new(batches, json_real(figure->values[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "name", ops_kinds[id].name, "n",
                     (json_int_t)figure->n, "batch_size", (json_int_t)figure->count, "skipped",
                     (json_int_t)figure->skipped, "median_ns", json_of_interval(&figure->median),
                     "p99_ns", json_of_interval(&figure->p99), "batches_ns", batches);
}

static void print_json(const struct ops_result *result)
{
    json_t *list = json_array();
    for (enum ops_id id = 0; id < OPS_COUNT; id++)
        if (result->figures[id].asked)
            json_array_append_new(list, json_of_figure(id, &result->figures[id]));
    json_t *root =
        json_pack("{s:s, s:i, s:I, s:s, s:I, s:o}", "format", "vtax-ops", "version", 1, "cpus",
                  (json_int_t)result->begin.cpus, "clock_source", result->begin.source,
                  "clock_read_ns", (json_int_t)result->begin.clock_ns, "operations", list);
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(root);
}

static int run(const struct command_call *call, struct error *err)
{
    const struct command_options *how = call->options[0];
    const struct ops_options *want = call->options[1];
    CLEANUP_OPS_RESULT struct ops_result result = {0};
    if (how->list) {
        print_list();
        return 0;
    }
    int rc = measure(want, how->directory, &result, err);
    if (rc < 0)
        return rc;
    if (how->json)
        print_json(&result);
    else
        print_text(&result);
    return 0;
}

const struct command command_ops = {
    .name = "ops",
    .summary = "Measure what single operations cost here, from VM exit to disk write",
    .help = "Runs here what the workload ops runs in every machine of a campaign: the same\n"
            "static program. Start it inside and outside of a virtual machine, or let\n"
            "vtax run compare:\n"
            "\n"
            "  vtax ops\n"
            "  vtax ops --operations exit,syscall --duration 1s\n"
            "  taskset -c 2,3 vtax ops --json\n"
            "  vtax run quick --workloads ops --vcpus 2\n"
            "\n"
            "An operation is repeated in batches that take long against reading the clock.\n"
            "Median and 99th percentile are of batches; their intervals take them as\n"
            "independent of each other.\n",
    .tables = {&table, &workload_ops.kind.options},
    .run = run,
};
