/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/workload.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

const struct workload *workload_find(const struct plan_kind *kind)
{
    for (const struct workload *const *at = workloads; *at; at++)
        if (&(*at)->kind == kind)
            return *at;
    return NULL;
}

void workload_add_sample(struct workload_run *run, unsigned machine, unsigned metric, double value)
{
    MEM_GROW(run->samples, run->sample_count, run->sample_capacity);
    run->samples[run->sample_count++] =
        (struct workload_sample){.machine = machine, .metric = metric, .value = value};
}

/* The last line of what a program printed, for its error; cuts text. */
static const char *last_line(char *text)
{
    if (!text)
        return "";
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static int check_result(const struct workload_run *run, unsigned machine, const char *program,
                        struct channel_result *result, struct error *err)
{
    if (result->status == 0)
        return 0;
    char *said = result->error_text && *result->error_text ? result->error_text : result->text;
    const char *name = run->workload->kind.name;
    if (result->status > 255)
        return error_set(err, ERROR_FAILED, -EIO, "run %s: machine %u: '%s' ended by signal %d",
                         name, machine, program, result->status - 256);
    return error_set(err, ERROR_FAILED, -EIO, "run %s: machine %u: '%s' exit code %d: %s", name,
                     machine, program, result->status, last_line(said));
}

static struct channel *job_channel(struct workload_run *run, unsigned machine, bool on_load_side)
{
    return on_load_side ? run->load : machine_channel(run->machines[machine]);
}

static int start_jobs(struct workload_run *run, const struct workload_jobs *jobs,
                      struct channel_job **started, struct error *err)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        struct channel_job_options options = {.argv = jobs->argv[i], .directory = jobs->directory};
        int rc =
            channel_start_job(job_channel(run, i, jobs->on_load_side), &options, &started[i], err);
        if (rc < 0)
            return error_prefix(err, "run %s: machine %u", run->workload->kind.name, i);
    }
    for (unsigned i = 0; i < run->machine_count; i++) {
        int rc = channel_release_job(started[i], err);
        if (rc < 0)
            return error_prefix(err, "run %s: machine %u", run->workload->kind.name, i);
    }
    return 0;
}

static int finish_jobs(struct workload_run *run, const struct workload_jobs *jobs,
                       struct channel_result *results, struct error *err)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        int rc = check_result(run, i, jobs->argv[i][0], &results[i], err);
        if (rc < 0)
            return rc;
        run->host_ns[i] = results[i].host_ns;
        run->round_trip_ns[i] = results[i].round_trip_ns;
        /* The load side's clock is the host's: it says nothing about the machine's. */
        run->guest_ns[i] = jobs->on_load_side ? 0 : results[i].guest_ns;
    }
    return 0;
}

int workload_run_jobs(struct workload_run *run, const struct workload_jobs *jobs,
                      struct channel_result *results, struct error *err)
{
    struct channel_job *started[PLAN_VMS_MAX] = {0};
    int rc = start_jobs(run, jobs, started, err);
    if (rc >= 0)
        rc = channel_wait_jobs(started, run->machine_count, run->timeout_ns, results, err);
    for (unsigned i = 0; i < run->machine_count; i++)
        channel_job_free(started[i]);
    if (rc < 0)
        return rc;
    rc = finish_jobs(run, jobs, results, err);
    if (rc < 0)
        workload_free_results(run, results);
    return rc;
}

void workload_free_results(const struct workload_run *run, struct channel_result *results)
{
    for (unsigned i = 0; i < run->machine_count; i++)
        channel_result_done(&results[i]);
}

int workload_check_all(struct workload_run *run, const char *const *argv, struct error *err)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        int rc = channel_check(machine_channel(run->machines[i]), argv, run->timeout_ns, NULL, err);
        if (rc < 0)
            return error_prefix(err, "%s: machine %u", run->workload->kind.name, i);
    }
    return 0;
}
