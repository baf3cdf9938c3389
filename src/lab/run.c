/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lab.h"
#include "base/log.h"
#include "base/process.h"
#include "base/units.h"
#include "image/image.h"

#include "lab/emulator.h"
#include "lab/follow.h"
#include "lab/home.h"
#include "lab/job.h"
#include "lab/lab.h"
#include "lab/place.h"
#include "lab/recording.h"
#include "lab/remarks.h"

#define POWER_OFF_NS (30 * NS_PER_S)
#define STOP_GRACE_NS (2 * NS_PER_S)
#define MEMORY_SLACK_BYTES (UINT64_C(256) << 20)
#define ROOM_BYTES (UINT64_C(4) << 30)
#define FACTS_MAX 12
#define TRIALS_AT_HOME "campaign %" PRId64 " of the store has the trials that were done (%zu)"
#define QEMU_LOG_BYTES_MAX ((size_t)1 << 20)
#define OUTPUT_BYTES_MAX ((size_t)16 << 20)

/* Everything that a run needs and has. */
struct server {
    const struct lab_options *options;
    struct emulator emulator;
    struct stock *image;
    struct image *guest;
    struct place place;
    char *guest_disk;
    char *job_disk;
    char *plugin;
    unsigned cpus;
    uint64_t memory_bytes;
};

static void server_done(struct server *server)
{
    emulator_close(&server->emulator);
    stock_free(server->image);
    image_free(server->guest);
    place_close(&server->place);
    free(server->guest_disk);
    free(server->job_disk);
    free(server->plugin);
}

static uint64_t read_available_memory(void)
{
    CLEANUP_FREE char *text = NULL;
    uint64_t kib = 0;
    if (file_read("/proc/meminfo", 1 << 16, &text, NULL, NULL) < 0)
        return UINT64_MAX;
    const char *line = strstr(text, "MemAvailable:");
    return line && sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1 ? kib << 10 : UINT64_MAX;
}

static int choose_size(struct server *server, struct error *err)
{
    const struct lab_options *options = server->options;
    const struct hypervisor *hypervisor = options->hypervisor;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned host_cpus = online > 0 ? (unsigned)online : 1;
    unsigned usual = hypervisor->cpus ? hypervisor->cpus : host_cpus;
    if (usual > hypervisor->cpus_max)
        usual = hypervisor->cpus_max;
    server->cpus = options->cpus ? options->cpus : usual;
    if (server->cpus > hypervisor->cpus_max)
        return error_set(err, ERROR_USAGE, -ERANGE,
                         "--server-cpus %u: the emulated server runs %s with at most %u%s",
                         server->cpus, hypervisor->name, hypervisor->cpus_max,
                         hypervisor->cpus_max == 1
                             ? ", since with more its guests are corrupted now and then"
                             : "");
    server->memory_bytes = options->memory_bytes ? options->memory_bytes : hypervisor->memory_bytes;
    uint64_t available = read_available_memory();
    if (available >= server->memory_bytes + MEMORY_SLACK_BYTES)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOMEM,
                     "the emulated server needs %" PRIu64
                     " MiB of memory, and this host has %" PRIu64
                     " MiB to spare (--server-memory gives it less)",
                     (server->memory_bytes + MEMORY_SLACK_BYTES) >> 20, available >> 20);
}

static int check_room(const char *directory, struct error *err)
{
    struct statvfs fs;
    if (statvfs(directory, &fs) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", directory);
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= ROOM_BYTES)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOSPC,
                     "run the lab: '%s' has %" PRIu64 " MiB free, and %" PRIu64 " MiB are needed",
                     directory, free_bytes >> 20, (uint64_t)ROOM_BYTES >> 20);
}

/* A QEMU that cannot load the plugin that always counts cannot load the others. */
static int check_plugins(const struct server *server, struct error *err)
{
    const struct lab_options *options = server->options;
    bool needed = options->counters != COUNTERS_UNTOUCHED || options->recording;
    if (!needed || !server->emulator.uncounted)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s: QEMU %s cannot load its plugin: %s%s",
                     options->recording ? "record the emulated server"
                                        : "give the emulated server's CPUs counters",
                     server->emulator.version, server->emulator.uncounted,
                     options->qemu ? " (without --qemu the lab takes its own)" : "");
}

static int open_images(struct server *server, struct error *err)
{
    const struct lab_options *options = server->options;
    const struct hypervisor *image = counters_choose_image(options->counters, options->hypervisor);
    const struct stock_options stock = {
        .name = image->name, .mirror = options->mirror, .progress = options->progress};
    const struct image_build_options guest = {.mirror = options->mirror,
                                              .progress = options->progress};
    int rc =
        emulator_open(options->qemu, options->mirror, options->progress, &server->emulator, err);
    if (rc == 0)
        rc = check_plugins(server, err);
    if (rc == 0)
        rc = stock_build(&stock, &server->image, err);
    if (rc == 0)
        rc = image_build(&guest, &server->guest, err);
    if (rc == 0)
        rc = job_find_guest_disk(server->guest, options->progress, &server->guest_disk, err);
    return rc;
}

/* The plugin's ledger goes into the run's directory. */
static int make_plugin(struct server *server, struct error *err)
{
    const struct lab_options *options = server->options;
    const struct lab_recording *recording = options->recording;
    if (options->counters == COUNTERS_UNTOUCHED)
        return recording ? recording_add_plugin(recording->directory, recording->period,
                                                &server->plugin, err)
                         : 0;
    CLEANUP_FREE char *ledger = place_path(&server->place, LAB_LEDGER);
    const struct counters_plugin want = {
        .design = options->counters, .ledger = ledger, .further = options->counters_options};
    int rc = counters_make_plugin(&want, &server->plugin, err);
    return rc == 0 && recording
               ? recording_add_plugin(recording->directory, recording->period, &server->plugin, err)
               : rc;
}

static int check_counters(const struct lab_options *options, struct error *err)
{
    int rc = counters_check_settings(options->counters, options->counters_options, err);
    return rc < 0 || options->counters == COUNTERS_UNTOUCHED
               ? rc
               : counters_check(options->counters, options->hypervisor, err);
}

/* The samples are there even of a run that failed. */
static int end_recording(struct server *server, struct error *err)
{
    const struct lab_recording *recording = server->options->recording;
    if (!recording)
        return 0;
    CLEANUP_FREE char *disk = stock_path(server->image, "disk.raw");
    CLEANUP_FREE char *title =
        mem_printf("%s in an emulated server", server->options->hypervisor->title);
    const struct recording_sources sources = {.title = title,
                                              .run = server->place.directory,
                                              .server = disk,
                                              .guest = server->guest->root};
    return recording_gather(recording->directory, &sources, err);
}

static int prepare(struct server *server, const struct lab_job *job, struct error *err)
{
    int rc = check_counters(server->options, err);
    if (rc == 0)
        rc = choose_size(server, err);
    if (rc == 0)
        rc = server->options->recording
                 ? recording_begin(server->options->recording->directory, err)
                 : 0;
    if (rc == 0)
        rc = place_open(server->options->hypervisor->name, &server->place, err);
    if (rc == 0)
        rc = check_room(server->place.directory, err);
    if (rc == 0)
        rc = open_images(server, err);
    if (rc == 0)
        rc = make_plugin(server, err);
    if (rc < 0)
        return rc;
    const struct job_options options = {.directory = server->place.directory,
                                        .plan_text = job ? job->plan_text : NULL,
                                        .arguments = job ? job->arguments : NULL,
                                        .record = server->options->recording != NULL,
                                        .uncounted = server->emulator.uncounted,
                                        .command = job ? job->command : NULL};
    return job_make_disk(&options, &server->job_disk, err);
}

static struct server_options describe(const struct server *server, bool shell)
{
    return (struct server_options){
        .hypervisor = server->options->hypervisor,
        .image = server->image,
        .job_disk = server->job_disk,
        .guest_disk = server->guest_disk,
        .directory = server->place.directory,
        .cpus = server->cpus,
        .memory_bytes = server->memory_bytes,
        .plugin = server->plugin,
        .kernel_words = counters_kernel_words(server->options->counters),
        .shell = shell,
    };
}

/* What QEMU itself had to say, when it is why nothing booted. */
static int explain_with_log(const struct server *server, struct error *err)
{
    CLEANUP_FREE char *path = place_path(&server->place, "qemu.log");
    CLEANUP_FREE char *text = NULL;
    if (file_read(path, QEMU_LOG_BYTES_MAX, &text, NULL, NULL) < 0 || !*text)
        return err->code;
    size_t length = strcspn(text, "\n");
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %.*s", (int)length, text);
    return err->code;
}

static void warn_of_counters(const char *text, size_t length, void *context)
{
    (void)context;
    log_warn("counters of the emulated server: %.*s", (int)length, text);
}

/* An event that nobody counts looks like one that did not happen. */
static void pass_remarks(const struct server *server)
{
    CLEANUP_FREE char *path = place_path(&server->place, "qemu.log");
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (file_read(path, QEMU_LOG_BYTES_MAX, &text, &length, NULL) == 0)
        remarks_find(text, length, warn_of_counters, NULL);
}

static int run_server(struct server *server, struct follow *follow, struct error *err)
{
    const struct server_options options = describe(server, false);
    uint64_t silence_ns = server->options->silence_timeout_ns;
    CLEANUP_FD int port_fd = -1;
    pid_t pid = emulator_start(&server->emulator, &options, &port_fd, err);
    if (pid < 0)
        return pid;
    const struct follow_options following = {.port_fd = port_fd,
                                             .pid = pid,
                                             .boot_timeout_ns = server->options->boot_timeout_ns,
                                             .silence_timeout_ns =
                                                 silence_ns ? silence_ns : LAB_SILENCE_NS,
                                             .hypervisor = server->options->hypervisor->name,
                                             .progress = server->options->progress};
    int rc = follow_run(follow, &following, err);
    /* The job's disk is unmounted by now; a server that does not power off is only slow. */
    int status = rc == 0 ? process_wait(pid, POWER_OFF_NS) : -ECANCELED;
    if (status < 0)
        process_stop(pid, STOP_GRACE_NS);
    if (rc == 0)
        pass_remarks(server);
    return rc == -EIO && !follow->failure ? explain_with_log(server, err) : rc;
}

static void add_fact(struct store_fact *facts, size_t *count, const char *name, char *value)
{
    facts[(*count)++] = (struct store_fact){.name = (char *)name, .value = value};
}

static size_t make_facts(const struct server *server, struct store_fact facts[FACTS_MAX])
{
    char text[UNITS_TEXT_MAX];
    size_t count = 0;
    add_fact(facts, &count, LAB_FACT, mem_strdup(LAB_KIND));
    add_fact(facts, &count, "lab.hypervisor", mem_strdup(server->options->hypervisor->family));
    add_fact(facts, &count, "lab.title", mem_strdup(server->options->hypervisor->title));
    add_fact(facts, &count, "lab.image", mem_strdup(server->image->digest));
    add_fact(facts, &count, "lab.qemu", mem_strdup(server->emulator.version));
    add_fact(facts, &count, "lab.cpus", mem_printf("%u", server->cpus));
    add_fact(facts, &count, "lab.memory",
             mem_strdup(units_format_size(server->memory_bytes, text)));
    add_fact(facts, &count, "lab.counts",
             server->emulator.uncounted ? mem_printf("none: %s", server->emulator.uncounted)
                                        : mem_strdup("instructions, world switches, VM exits"));
    if (server->options->counters != COUNTERS_UNTOUCHED)
        add_fact(facts, &count, "lab.counters",
                 mem_strdup(counters_names[server->options->counters]));
    if (server->options->counters_options)
        add_fact(facts, &count, "lab.counters-options",
                 mem_strdup(server->options->counters_options));
    return count;
}

static int fetch_results(struct server *server, const struct lab_job *job,
                         struct home_results *out_results, struct error *err)
{
    struct store_fact facts[FACTS_MAX];
    size_t count = make_facts(server, facts);
    const struct home_options options = {.directory = server->place.directory,
                                         .store = job->store,
                                         .facts = facts,
                                         .fact_count = count};
    int rc = home_fetch_results(&options, out_results, err);
    for (size_t i = 0; i < count; i++)
        free(facts[i].value);
    return rc;
}

/* The logs stay, and the disk only when results are on it that are nowhere else. */
static void gather_logs(const struct server *server, bool results_lost)
{
    static const char *const rest[] = {"results.db", "results.db-journal", "logs/output.log"};
    home_fetch_logs(server->place.directory);
    for (size_t i = 0; i < COUNT_OF(rest) && !results_lost; i++) {
        CLEANUP_FREE char *path = place_path(&server->place, rest[i]);
        unlink(path);
    }
    if (!results_lost)
        unlink(server->job_disk);
}

/* results NULL: none were looked for. */
static int keep_logs(struct server *server, bool results_lost, const struct home_results *results,
                     struct error *err)
{
    gather_logs(server, results_lost);
    CLEANUP_FREE char *home =
        results && results->trials
            ? mem_printf(TRIALS_AT_HOME "; ", results->campaign, results->trials)
            : mem_strdup("");
    error_suffix(err, "%s%s in '%s'", home,
                 results_lost ? "the results (" JOB_STORE " in job.raw) and the logs are kept"
                              : "console and logs are kept",
                 server->place.directory);
    place_keep(&server->place);
    return err->code;
}

/* A campaign that ended well may have trials that did not. */
static void keep_logs_of_trials(struct server *server, const struct home_results *results)
{
    if (!results->failed)
        return;
    gather_logs(server, false);
    log_warn("%zu of %zu trials were not good; console and logs are kept in '%s'", results->failed,
             results->trials, server->place.directory);
    place_keep(&server->place);
}

/* How the job ended, when it stored nothing or ended badly. */
static int judge_job(const struct follow *follow, bool stored, struct error *err)
{
    if (stored && follow->status == 0)
        return 0;
    if (follow->status == 0)
        return error_set(err, ERROR_FAILED, -EIO,
                         "the job in the emulated server ended well, and there is no '" JOB_STORE
                         "' on its disk");
    const char *last = follow->last.length ? follow->last.text : "it said nothing";
    if (strncmp(last, "vtax: ", 6) == 0)
        last += 6;
    int kind = follow->status >= ERROR_FAILED && follow->status <= ERROR_INTERNAL ? follow->status
                                                                                  : ERROR_FAILED;
    return error_set(err, (enum error_kind)kind, -EIO, "in the emulated server: exit code %d: %s",
                     follow->status, last);
}

/* The user waited for the trials that are done: they come home, and a second signal ends us. */
static int keep_interrupted(struct server *server, const struct lab_job *job, struct error *err)
{
    struct home_results results = {0};
    struct error fetching = {0};
    int fetched = fetch_results(server, job, &results, &fetching);
    if (fetched < 0) {
        error_set(err, ERROR_FAILED, -EINTR, "interrupted; bring the results home: %s",
                  fetching.text);
        return keep_logs(server, true, NULL, err);
    }
    return results.trials == 0
               ? error_set(err, ERROR_FAILED, -EINTR, "interrupted")
               : error_set(err, ERROR_FAILED, -EINTR, "interrupted; " TRIALS_AT_HOME,
                           results.campaign, results.trials);
}

/* A job that measured and ended well has stored something, so it must be on the disk. */
static bool results_are_lost(const struct follow *follow, int fetched)
{
    return fetched < 0 || (fetched == 0 && follow->measuring && follow->status == 0);
}

/* What the server did, ran, is told before what became of its results. */
static int bring_home(struct server *server, const struct lab_job *job, const struct follow *follow,
                      int ran, int64_t *out_campaign, struct error *err)
{
    struct error fetching = {0};
    struct home_results results = {0};
    int fetched = fetch_results(server, job, &results, &fetching);
    if (fetched > 0 && results.trials)
        *out_campaign = results.campaign;
    if (ran == 0 && fetched < 0) {
        *err = fetching;
        error_prefix(err, "bring the results home");
    } else if (ran == 0) {
        ran = judge_job(follow, fetched > 0, err);
    }
    if (ran == 0 && fetched > 0)
        ran = end_recording(server, err);
    if (ran < 0 || fetched < 0)
        return keep_logs(server, results_are_lost(follow, fetched), fetched > 0 ? &results : NULL,
                         err);
    keep_logs_of_trials(server, &results);
    return 0;
}

int lab_run(const struct lab_options *options, const struct lab_job *job, int64_t *out_campaign,
            struct error *err)
{
    CLEANUP(server_done) struct server server = {.options = options, .place = {.lock_fd = -1}};
    CLEANUP_FOLLOW struct follow follow;
    struct error own = {0};
    err = err ? err : &own;
    *out_campaign = 0;
    follow_init(&follow);
    int rc = prepare(&server, job, err);
    if (options->progress)
        progress_clear(options->progress);
    if (rc < 0)
        return rc;
    int ran = run_server(&server, &follow, err);
    return ran == -EINTR ? keep_interrupted(&server, job, err)
                         : bring_home(&server, job, &follow, ran, out_campaign, err);
}

static int read_output(const struct server *server, char **out_text, struct error *err)
{
    CLEANUP_FREE char *path = place_path(&server->place, "logs/output.log");
    home_fetch_logs(server->place.directory);
    return file_read(path, OUTPUT_BYTES_MAX, out_text, NULL, err);
}

int lab_run_command(const struct lab_options *options, const char *const *command, char **out_text,
                    int *out_status, struct error *err)
{
    CLEANUP(server_done) struct server server = {.options = options, .place = {.lock_fd = -1}};
    CLEANUP_FOLLOW struct follow follow;
    const struct lab_job job = {.command = command};
    struct error own = {0};
    err = err ? err : &own;
    follow_init(&follow);
    int rc = prepare(&server, &job, err);
    if (options->progress)
        progress_clear(options->progress);
    if (rc == 0)
        rc = run_server(&server, &follow, err);
    if (rc == 0)
        rc = read_output(&server, out_text, err);
    if (rc == 0)
        *out_status = follow.status;
    return rc < 0 && rc != -EINTR && server.place.directory ? keep_logs(&server, false, NULL, err)
                                                            : rc;
}

int lab_shell(const struct lab_options *options, struct error *err)
{
    CLEANUP(server_done) struct server server = {.options = options, .place = {.lock_fd = -1}};
    int rc = prepare(&server, NULL, err);
    if (options->progress)
        progress_clear(options->progress);
    if (rc < 0)
        return rc;
    const struct server_options describing = describe(&server, true);
    pid_t pid = emulator_start(&server.emulator, &describing, NULL, err);
    if (pid < 0)
        return pid;
    int status = process_wait(pid, 0);
    if (status == -EINTR)
        process_stop(pid, STOP_GRACE_NS);
    return status == 0 ? 0
           : status == -EINTR
               ? interrupt_check(err)
               : error_set(err, ERROR_FAILED, -EIO, "QEMU ended with status %d", status);
}
