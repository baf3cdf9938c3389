/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/guests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "guest/program.h"
#include "guest/protocol.h"

#define RUN_NS (600 * NS_PER_S)
#define WORDS_MAX 8
#define PLATFORM 1 /* in the plan; the first is its baseline */

static int make_plan(struct guests *guests, const struct guests_options *options, struct error *err)
{
    CLEANUP_FREE char *text =
        mem_printf("name: counters\nplatforms: [native, %s]\nworkloads: [bzip2]\nvms: [%u]\n",
                   options->platform, options->count);
    int rc = plan_parse(text, strlen(text), "counters", options->vocabulary, &guests->plan, err);
    return rc == 0 ? plan_check(guests->plan, err) : rc;
}

static int boot(struct guests *guests, struct site *site, unsigned vcpus, struct error *err)
{
    struct machine_options options = {
        .count = guests->count, .vcpus = vcpus, .memory_bytes = UINT64_C(512) << 20};
    uint64_t boot_ns;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < guests->count; i++) {
        options.index = i;
        rc = machine_start(site, &options, &guests->machines[i], err);
    }
    for (unsigned i = 0; rc == 0 && i < guests->count; i++)
        rc = machine_begin(guests->machines[i], err);
    for (unsigned i = 0; rc == 0 && i < guests->count; i++)
        rc = machine_wait_ready(guests->machines[i], &boot_ns, err);
    return rc;
}

int guests_open(struct guests *guests, const struct guests_options *options, struct error *err)
{
    struct site *site;
    *guests = (struct guests){.count = options->count};
    int rc = make_plan(guests, options, err);
    if (rc == 0)
        rc = context_open(&guests->context, guests->plan, NULL, err);
    guests->is_open = rc == 0;
    if (rc == 0)
        rc = context_find_site(&guests->context, PLATFORM, &site, err);
    if (rc == 0)
        rc = boot(guests, site, options->vcpus, err);
    return rc < 0 ? error_prefix(err, "boot guests") : 0;
}

void guests_close(struct guests *guests)
{
    for (unsigned i = 0; i < guests->count; i++)
        guests->machines[i] = machine_free(guests->machines[i]);
    if (guests->is_open)
        context_close(&guests->context);
    plan_free(guests->plan);
    *guests = (struct guests){0};
}

/* The runner as a file without a name; the child keeps it open. */
static int open_runner(struct error *err)
{
    CLEANUP_FD int fd = memfd_create(PROTOCOL_RUNNER_NAME, 0);
    size_t length = (size_t)(guest_program_end - guest_program);
    for (size_t done = 0; fd >= 0 && done < length;) {
        ssize_t got = write(fd, guest_program + done, length - done);
        if (got < 0 && errno != EINTR)
            return error_set_errno(err, ERROR_FAILED, -errno, "copy '" PROTOCOL_RUNNER_NAME "'");
        done += got > 0 ? (size_t)got : 0;
    }
    return fd >= 0 ? TAKE_FD(fd)
                   : error_set_errno(err, ERROR_FAILED, -errno, "copy '" PROTOCOL_RUNNER_NAME "'");
}

int guests_put_runner(struct guests *guests, char **out_path, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/" PROTOCOL_RUNNER_NAME, guests->context.directory);
    int rc = file_write_atomic(path, guest_program, (size_t)(guest_program_end - guest_program),
                               0755, err);
    if (rc == 0)
        *out_path = TAKE_PTR(path);
    return rc;
}

/* What runs on this host beside the machines. */
struct local {
    int runner_fd, output_fd;
    pid_t pid;
};

static void local_done(struct local *local)
{
    if (local->pid > 0)
        process_stop(local->pid, NS_PER_S);
    fd_cleanup(&local->runner_fd);
    fd_cleanup(&local->output_fd);
}

/* Behind the runner's name and its command. */
static void add_words(const char *argv[WORDS_MAX + 3], const char *const *words)
{
    for (size_t i = 0; words[i] && i < WORDS_MAX; i++)
        argv[i + 2] = words[i];
}

static int start_local(struct local *local, const struct guests_run *run, struct error *err)
{
    char path[32];
    const char *argv[WORDS_MAX + 3] = {path, "count"};
    local->runner_fd = open_runner(err);
    if (local->runner_fd < 0)
        return local->runner_fd;
    local->output_fd = memfd_create("output", MFD_CLOEXEC);
    if (local->output_fd < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "make room for output");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", local->runner_fd);
    if (!run->here_command)
        add_words(argv, run->words);
    const struct process_options options = {.argv = run->here_command ? run->here_command : argv,
                                            .stdout_fd = local->output_fd,
                                            .dies_with_parent = true};
    local->pid = process_start(&options, err);
    return local->pid < 0 ? local->pid : 0;
}

static int finish_local(struct local *local, char **out_text, struct error *err)
{
    char path[32];
    int status = process_wait(local->pid, RUN_NS);
    if (status >= 0)
        local->pid = 0;
    if (status != 0)
        return error_set(err, ERROR_FAILED, status < 0 ? status : -EIO,
                         "count on this host: it ended with %d", status);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", local->output_fd);
    return file_read(path, 1 << 20, out_text, NULL, err);
}

static int start_job(struct guests *guests, unsigned machine, const struct guests_run *run,
                     struct channel_job **out_job, struct error *err)
{
    const char *argv[WORDS_MAX + 3] = {GUEST_RUNNER_PATH, "count"};
    bool beside = run->beside_which >> machine & 1;
    const char *const *command = beside ? NULL : run->command;
    if (!command)
        add_words(argv, beside ? run->beside_words : run->words);
    const struct channel_job_options options = {.argv = command ? command : argv};
    return channel_start_job(machine_channel(guests->machines[machine]), &options, out_job, err);
}

struct jobs {
    struct channel_job *items[GUESTS_MAX];
    unsigned machine[GUESTS_MAX];
    size_t count;
};

static void jobs_done(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++)
        channel_job_free(jobs->items[i]);
}

static int start_jobs(struct guests *guests, const struct guests_run *run, struct jobs *jobs,
                      struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < guests->count; i++) {
        if (!((run->which | run->beside_which) >> i & 1))
            continue;
        rc = start_job(guests, i, run, &jobs->items[jobs->count], err);
        jobs->machine[jobs->count] = i;
        jobs->count += rc == 0;
    }
    for (size_t i = 0; rc == 0 && i < jobs->count; i++)
        rc = channel_release_job(jobs->items[i], err);
    return rc;
}

static int take_result(struct channel_result *result, unsigned machine, char **out_text,
                       struct error *err)
{
    if (result->status != 0)
        return error_set(err, ERROR_FAILED, -EIO, "count in machine %u: exit code %d: %.200s",
                         machine, result->status,
                         *result->error_text ? result->error_text : result->text);
    *out_text = TAKE_PTR(result->text);
    return 0;
}

static int wait_jobs(struct jobs *jobs, char *texts[GUESTS_MAX + 1], struct error *err)
{
    struct channel_result results[GUESTS_MAX] = {0};
    if (jobs->count == 0)
        return 0;
    int rc = channel_wait_jobs(jobs->items, jobs->count, RUN_NS, results, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < jobs->count; i++) {
        if (rc == 0)
            rc = take_result(&results[i], jobs->machine[i], &texts[jobs->machine[i]], err);
        channel_result_done(&results[i]);
    }
    return rc;
}

int guests_count(struct guests *guests, const struct guests_run *run, char *texts[GUESTS_MAX + 1],
                 struct error *err)
{
    CLEANUP(local_done) struct local local = {.runner_fd = -1, .output_fd = -1};
    CLEANUP(jobs_done) struct jobs jobs = {0};
    memset(texts, 0, (GUESTS_MAX + 1) * sizeof(*texts));
    int rc = start_jobs(guests, run, &jobs, err);
    if (rc == 0 && run->here)
        rc = start_local(&local, run, err);
    if (rc == 0 && run->between)
        run->between(run->context);
    if (rc == 0)
        rc = wait_jobs(&jobs, texts, err);
    if (rc == 0 && run->here)
        rc = finish_local(&local, &texts[guests->count], err);
    return rc;
}

void guests_texts_done(struct guests_texts *texts)
{
    for (size_t i = 0; i <= GUESTS_MAX; i++)
        free(texts->items[i]);
}
