/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/workload.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

const struct workload *workload_find(const struct plan_kind *kind)
{
    for (const struct workload *const *at = workloads; *at; at++)
        if (&(*at)->kind == kind)
            return *at;
    return NULL;
}

void workload_run_done(struct workload_run *run)
{
    for (size_t i = 0; i < run->fact_count; i++)
        free(run->facts[i].value);
    for (size_t i = 0; i < run->attachment_count; i++)
        free(run->attachments[i].bytes);
    for (size_t i = 0; i < run->text_count; i++)
        free(run->texts[i]);
    free(run->texts);
    free(run->samples);
    free(run->figures);
    free(run->facts);
    free(run->attachments);
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

void workload_add_figure(struct workload_run *run, int machine, const char *name, double value,
                         const char *missing)
{
    MEM_GROW(run->figures, run->figure_count, run->figure_capacity);
    bool known = isfinite(value);
    run->figures[run->figure_count++] = (struct workload_figure){
        .machine = machine,
        .name = name,
        .value = known ? value : 0,
        .missing = known     ? NULL
                   : missing ? missing
                             : "not measured",
    };
}

void workload_add_missing(struct workload_run *run, int machine, const char *name,
                          const char *reason)
{
    MEM_GROW(run->texts, run->text_count, run->text_capacity);
    run->texts[run->text_count] = mem_strdup(reason);
    workload_add_figure(run, machine, name, NAN, run->texts[run->text_count++]);
}

static struct workload_fact *find_fact(struct workload_run *run, const char *name)
{
    for (size_t i = 0; i < run->fact_count; i++)
        if (strcmp(run->facts[i].name, name) == 0)
            return &run->facts[i];
    return NULL;
}

void workload_add_fact(struct workload_run *run, const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *value = mem_vprintf(format, ap);
    va_end(ap);
    struct workload_fact *said = find_fact(run, name);
    if (said) {
        char *both = mem_printf("%s; %s", said->value, value);
        free(said->value);
        said->value = both;
        return;
    }
    MEM_GROW(run->facts, run->fact_count, run->fact_capacity);
    run->facts[run->fact_count++] = (struct workload_fact){name, TAKE_PTR(value)};
}

void workload_attach(struct workload_run *run, int machine, const char *name, const char *encoding,
                     struct strbuf *text)
{
    MEM_GROW(run->attachments, run->attachment_count, run->attachment_capacity);
    size_t length = text->length;
    run->attachments[run->attachment_count++] =
        (struct workload_attachment){machine, name, encoding, strbuf_take(text), length};
}

static struct channel *job_channel(struct workload_run *run, unsigned machine, bool on_load_side)
{
    return on_load_side ? run->load : machine_channel(run->machines[machine]);
}

static int start_jobs(struct workload_run *run, const struct workload_jobs *jobs,
                      const struct workload_meter *meter, struct channel_job **started,
                      struct error *err)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        struct channel_job_options options = {.argv = jobs->argv[i], .directory = jobs->directory};
        int rc =
            channel_start_job(job_channel(run, i, jobs->on_load_side), &options, &started[i], err);
        if (rc < 0)
            return error_prefix(err, "run %s: machine %u", run->workload->kind.name, i);
    }
    if (meter)
        meter->begin(meter->context);
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
    int rc = start_jobs(run, jobs, run->meter, started, err);
    if (rc >= 0)
        rc = channel_wait_jobs(started, run->machine_count, run->timeout_ns, results, err);
    if (rc >= 0 && run->meter)
        run->meter->end(run->meter->context);
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

/* The first number of /proc/uptime (proc(5)): seconds since the machine started. */
static int read_clock(struct workload_run *run, unsigned machine, struct workload_clock *out_clock,
                      struct error *err)
{
    static const char *const argv[] = {"cat", "/proc/uptime", NULL};
    CLEANUP_FREE char *text = NULL;
    double seconds;
    out_clock->early_ns = clock_monotonic_ns();
    int rc =
        channel_check(machine_channel(run->machines[machine]), argv, run->timeout_ns, &text, err);
    out_clock->late_ns = clock_monotonic_ns();
    if (rc < 0)
        return rc;
    text[strcspn(text, " \n")] = '\0';
    if (units_parse_number(text, &seconds) < 0 || seconds < 0)
        return error_set(err, ERROR_FAILED, -EBADMSG, "/proc/uptime says '%.60s'", text);
    out_clock->machine_ns = (uint64_t)(seconds * 1e9);
    return 0;
}

int workload_read_clocks(struct workload_run *run, struct workload_clock clocks[PLAN_VMS_MAX],
                         struct error *err)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        int rc = read_clock(run, i, &clocks[i], err);
        if (rc < 0)
            return error_prefix(err, "run %s: machine %u: read its clock", run->workload->kind.name,
                                i);
    }
    return 0;
}

struct workload_span workload_clock_span(const struct workload_clock *before,
                                         const struct workload_clock *after)
{
    return (struct workload_span){
        .host_ns = after->late_ns - before->early_ns,
        .guest_ns = after->machine_ns - before->machine_ns,
        .round_trip_ns = after->late_ns - after->early_ns + before->late_ns - before->early_ns,
    };
}

void workload_compare_clocks(struct workload_run *run, const struct workload_clock *before,
                             const struct workload_clock *after)
{
    for (unsigned i = 0; i < run->machine_count; i++) {
        struct workload_span span = workload_clock_span(&before[i], &after[i]);
        run->host_ns[i] = span.host_ns;
        run->guest_ns[i] = span.guest_ns;
        run->round_trip_ns[i] = span.round_trip_ns;
    }
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

int workload_check_together(struct workload_run *run, const char *const *argv, struct error *err)
{
    struct workload_jobs jobs = {0};
    struct channel_job *started[PLAN_VMS_MAX] = {0};
    struct channel_result results[PLAN_VMS_MAX] = {0};
    for (unsigned i = 0; i < run->machine_count; i++)
        jobs.argv[i] = argv;
    int rc = start_jobs(run, &jobs, NULL, started, err);
    if (rc >= 0)
        rc = channel_wait_jobs(started, run->machine_count, run->timeout_ns, results, err);
    for (unsigned i = 0; i < run->machine_count; i++)
        channel_job_free(started[i]);
    for (unsigned i = 0; i < run->machine_count && rc >= 0; i++)
        rc = check_result(run, i, argv[0], &results[i], err);
    workload_free_results(run, results);
    return rc;
}
