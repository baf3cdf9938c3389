/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * netperf: a network workload. A netserver in every machine, a netperf for each on the load side;
 * all streams run at once, then all request/response tests.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "workload/list.h"

/* netserver's own port, and the one for the data connection: fixed, so that a user-mode network can
 * forward both. */
#define CONTROL_PORT 12865
#define DATA_PORT 12866
#define REST_NS NS_PER_S /* netserver wants a moment between two tests */

struct netperf_options {
    uint64_t duration_ns;
    uint64_t bytes;
    uint64_t transactions;
};

static const struct option options[] = {
    {.name = "duration",
     .type = OPTION_DURATION,
     .offset = offsetof(struct netperf_options, duration_ns),
     .value_name = "TIME",
     .fallback = "10s",
     .min = 1e9,
     .max = 86400e9,
     .help = "Length of each of the two tests, in whole seconds."},
    {.name = "bytes",
     .type = OPTION_SIZE,
     .offset = offsetof(struct netperf_options, bytes),
     .value_name = "SIZE",
     .min = 1 << 20,
     .max = (double)(UINT64_C(1) << 40),
     .help = "Stream so much in place of so long: the work is the same on all platforms then."},
    {.name = "transactions",
     .type = OPTION_COUNT,
     .offset = offsetof(struct netperf_options, transactions),
     .value_name = "N",
     .min = 1,
     .max = 1e9,
     .help = "Requests in place of the duration, likewise."},
};

enum { METRIC_STREAM, METRIC_RR };
static const struct metric metrics[] = {
    [METRIC_STREAM] = {.name = "tcp-stream",
                       .unit = "Mbit/s",
                       .higher_is_better = true,
                       .adds_up = true,
                       .primary = true,
                       .help = "TCP_STREAM from the load side into the machine."},
    [METRIC_RR] = {.name = "tcp-rr",
                   .unit = "trans/s",
                   .higher_is_better = true,
                   .adds_up = true,
                   .primary = true,
                   .help = "TCP_RR, one byte each way, one at a time."},
};

/* netserver goes into the background once it listens. */
static int prepare(struct workload_run *run, struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; rc >= 0 && i < run->machine_count; i++) {
        const char *const argv[] = {"netserver", "-L", machine_listen_address(run->machines[i]),
                                    NULL};
        rc = channel_check(machine_channel(run->machines[i]), argv, run->timeout_ns, NULL, err);
        if (rc < 0)
            error_prefix(err, "start netserver: machine %u", i);
    }
    return rc;
}

struct command {
    char control_port[8];
    char data_port[16];
    char length[24];
    const char *argv[20];
};

static void make_command(const struct workload_run *run, unsigned machine, const char *test,
                         unsigned metric, struct command *out)
{
    const struct netperf_options *want = run->options;
    const struct machine *to = run->machines[machine];
    snprintf(out->control_port, sizeof(out->control_port), "%u", machine_port(to, CONTROL_PORT));
    snprintf(out->data_port, sizeof(out->data_port), "0,%u", machine_port(to, DATA_PORT));
    uint64_t amount = metric == METRIC_STREAM ? want->bytes : want->transactions;
    if (amount) /* netperf takes a negative length for bytes or transactions */
        snprintf(out->length, sizeof(out->length), "-%" PRIu64, amount);
    else
        snprintf(out->length, sizeof(out->length), "%" PRIu64, want->duration_ns / NS_PER_S);
    /* -P 0 -v 0: print the figure alone. */
    const char *const argv[] = {"netperf",
                                "-H",
                                machine_address(to),
                                "-p",
                                out->control_port,
                                "-t",
                                test,
                                "-l",
                                out->length,
                                "-P",
                                "0",
                                "-v",
                                "0",
                                "-f",
                                metric == METRIC_STREAM ? "m" : "x", /* Mbit/s, transactions/s */
                                "--",
                                "-P",
                                out->data_port,
                                NULL};
    memcpy(out->argv, argv, sizeof(argv));
}

static int run_test(struct workload_run *run, const char *test, unsigned metric, struct error *err)
{
    struct workload_jobs jobs = {.on_load_side = true};
    CLEANUP_FREE struct command *commands = mem_array(run->machine_count, sizeof(*commands));
    for (unsigned i = 0; i < run->machine_count; i++) {
        make_command(run, i, test, metric, &commands[i]);
        jobs.argv[i] = commands[i].argv;
    }
    struct channel_result results[PLAN_VMS_MAX] = {0};
    int rc = workload_run_jobs(run, &jobs, results, err);
    if (rc < 0)
        return error_prefix(err, "%s", test);
    for (unsigned i = 0; i < run->machine_count && rc >= 0; i++) {
        double figure;
        char *text = results[i].text + strspn(results[i].text, " \t\r\n");
        text[strcspn(text, " \t\r\n")] = '\0';
        if (units_parse_number(text, &figure) < 0 || figure <= 0)
            rc = error_set(err, ERROR_FAILED, -EBADMSG,
                           "%s: machine %u: netperf printed '%.60s', not a rate", test, i, text);
        else
            workload_add_sample(run, i, metric, figure);
    }
    workload_free_results(run, results);
    return rc;
}

/* netserver in the machine takes no time of its own. */
static int run_netperf(struct workload_run *run, struct error *err)
{
    const struct netperf_options *want = run->options;
    struct workload_clock before[PLAN_VMS_MAX], after[PLAN_VMS_MAX];
    int rc = workload_read_clocks(run, before, err);
    if (rc >= 0)
        rc = run_test(run, "TCP_STREAM", METRIC_STREAM, err);
    if (rc >= 0)
        rc = clock_sleep_ns(REST_NS);
    if (rc >= 0)
        rc = run_test(run, "TCP_RR", METRIC_RR, err);
    if (rc >= 0)
        rc = workload_read_clocks(run, after, err);
    if (rc >= 0)
        workload_compare_clocks(run, before, after);
    for (unsigned i = 0; rc >= 0 && i < run->machine_count; i++)
        if (want->bytes && want->transactions)
            workload_add_figure(run, (int)i, WORKLOAD_FIXED_WORK, 1, NULL);
    return rc;
}

static uint64_t estimate(const void *settings)
{
    const struct netperf_options *want = settings;
    return 2 * want->duration_ns + 2 * NS_PER_S;
}

const struct workload workload_netperf = {
    .kind = {.name = "netperf",
             .help = "TCP stream and request/response with netperf: network.",
             .options = {options, COUNT_OF(options), sizeof(struct netperf_options)},
             .estimate = estimate},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .needs_load_side = true,
    .prepare = prepare,
    .run = run_netperf,
};
