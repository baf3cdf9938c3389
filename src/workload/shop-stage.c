/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/namespace.h"
#include "base/units.h"
#include "workload/shop.h"

#define ROOT WORKLOAD_DIRECTORY "/shop"

static const struct shop_options *options_of(const struct shop_stage *stage)
{
    return stage->run->options;
}

/* The back end. */

static void *serve(void *besim)
{
    struct error err = {0};
    load_thread_hurry();
    if (besim_run(besim, -1, &err) < 0)
        log_warn("%s", err.text);
    return NULL;
}

/* Threads inherit the CPUs of the one that starts them. */
static void pin(const struct option_counts *cpus, cpu_set_t *out_before)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof(*out_before), out_before);
    CPU_ZERO(&set);
    for (size_t i = 0; i < cpus->count; i++)
        if (cpus->items[i] < CPU_SETSIZE)
            CPU_SET(cpus->items[i], &set);
    if (cpus->count > 0)
        sched_setaffinity(0, sizeof(set), &set);
}

static int start_besim(struct shop_stage *stage, struct error *err)
{
    const struct workload_run *run = stage->run;
    bool is_bridge = network_mode(run->network) == NETWORK_BRIDGE;
    const char *at = is_bridge ? network_load_address(run->network) : "127.0.0.1";
    CLEANUP_NAMESPACE int token = namespace_enter(stage->namespace_fd, err);
    if (token < 0)
        return token;
    snprintf(stage->back_end, sizeof(stage->back_end), "%s:0", at);
    int rc = besim_open(stage->back_end, &stage->besim, err);
    if (rc < 0)
        return rc;
    snprintf(stage->back_end, sizeof(stage->back_end), "%s:%u", at, besim_port(stage->besim));
    cpu_set_t before;
    pin(&run->placement->load, &before);
    int code = pthread_create(&stage->besim_thread, NULL, serve, stage->besim);
    sched_setaffinity(0, sizeof(before), &before);
    if (code != 0) {
        stage->besim = besim_close(stage->besim);
        return error_set_errno(err, ERROR_ENVIRONMENT, -code, "start the back-end simulator");
    }
    return 0;
}

static void stop_besim(struct shop_stage *stage)
{
    if (!stage->besim)
        return;
    besim_stop(stage->besim);
    pthread_join(stage->besim_thread, NULL);
    stage->besim = besim_close(stage->besim);
}

/* The shops. */

/* As many of the host's CPUs as a virtual machine would have: a native instance sees all of them.
 */
static char *choose_cpus(const struct shop_stage *stage, unsigned machine)
{
    const struct option_counts *allowed = &stage->run->placement->vms;
    const struct machine *of = stage->run->machines[machine];
    if (machine_is_virtual(of))
        return NULL;
    uint64_t count = allowed->count ? allowed->count : (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    CLEANUP_STRBUF struct strbuf list;
    strbuf_init(&list);
    unsigned vcpus = machine_vcpus(of);
    for (unsigned i = 0; i < vcpus && i < count; i++) {
        uint64_t at = ((uint64_t)machine * vcpus + i) % count;
        strbuf_addf(&list, "%s%" PRIu64, i ? "," : "", allowed->count ? allowed->items[at] : at);
    }
    return strbuf_take(&list);
}

uint32_t shop_built_sessions(const struct shop_options *options, uint64_t sessions)
{
    if (options->built_sessions)
        return (uint32_t)options->built_sessions;
    return (uint32_t)(sessions < options->built_most ? sessions : options->built_most);
}

static int make_deploy(struct shop_stage *stage, unsigned machine, struct error *err)
{
    const struct shop_options *want = options_of(stage);
    const struct machine *of = stage->run->machines[machine];
    CLEANUP_FREE char *cpus = choose_cpus(stage, machine);
    CLEANUP_FREE char *back_end =
        mem_printf("%s:%u", machine_load_address(of), besim_port(stage->besim));
    const char *address = machine_listen_address(of);
    struct deploy_options options = {
        .seed = stage->run->seed,
        .sessions = stage->world.sessions,
        .sessions_served = (uint32_t)(want->sessions ? want->sessions : want->most),
        .directories_per_session = (uint32_t)want->rules.directories,
        .vcpus = machine_vcpus(of),
        .back_end = back_end,
        .guest_program = GUEST_RUNNER_PATH,
        .authority = stage->authority,
        .root = ROOT,
        .address = strcmp(address, "0.0.0.0") == 0 ? NULL : address,
        .one_user = !machine_is_virtual(of) && geteuid() != 0,
        .cpus = cpus,
    };
    struct deploy *deploy;
    int rc = deploy_make(&options, &deploy, err);
    if (rc < 0)
        return rc;
    deploy_free(stage->deploys[machine]);
    stage->deploys[machine] = deploy;
    return 0;
}

static int put_files(struct shop_stage *stage, unsigned machine, struct error *err)
{
    const struct deploy *deploy = stage->deploys[machine];
    struct channel *channel = machine_channel(stage->run->machines[machine]);
    uint64_t timeout_ns = stage->run->timeout_ns;
    int rc = channel_check(channel, deploy->make_directory.argv, timeout_ns, NULL, err);
    for (size_t i = 0; i < deploy->file_count && rc >= 0; i++) {
        const struct deploy_file *file = &deploy->files[i];
        rc = channel_put(channel, file->bytes, file->length, file->path, file->mode, err);
    }
    return rc;
}

/* Apache says why it does not start in its error log. */
static int explain_start(struct shop_stage *stage, unsigned machine, int rc, struct error *err)
{
    const char *const argv[] = {"tail", "-n", "1", stage->deploys[machine]->error_log, NULL};
    CLEANUP_FREE char *text = NULL;
    if (channel_check(machine_channel(stage->run->machines[machine]), argv, stage->run->timeout_ns,
                      &text, NULL) < 0 ||
        !text || !*text)
        return rc;
    text[strcspn(text, "\n")] = '\0';
    struct error cause = *err;
    return error_set(err, cause.kind, rc, "%.400s; its log ends with: %.400s", cause.text, text);
}

static int start_shops(struct shop_stage *stage, struct error *err)
{
    struct workload_run *run = stage->run;
    int rc = 0;
    unsigned i = 0;
    for (; i < run->machine_count && rc >= 0; i++) {
        rc = make_deploy(stage, i, err);
        rc = rc < 0 ? rc : put_files(stage, i, err);
    }
    if (rc < 0)
        return error_prefix(err, "set up the shop: machine %u", i - 1);
    /* The same files in all of them. */
    rc = workload_check_together(run, stage->deploys[0]->generate.argv, err);
    for (i = 0; i < run->machine_count && rc >= 0; i++) {
        rc = channel_check(machine_channel(run->machines[i]), stage->deploys[i]->start.argv,
                           run->timeout_ns, NULL, err);
        if (rc < 0)
            explain_start(stage, i, rc, err);
    }
    return rc < 0 ? error_prefix(err, "start the shop") : 0;
}

static int stop_shop(struct shop_stage *stage, unsigned machine, struct error *err)
{
    struct channel *channel = machine_channel(stage->run->machines[machine]);
    return channel_check(channel, stage->deploys[machine]->stop.argv, stage->run->timeout_ns, NULL,
                         err);
}

/* The targets. */

static int prepare_target(struct shop_stage *stage, unsigned machine, bool tls, struct error *err)
{
    const struct machine *of = stage->run->machines[machine];
    struct target_options options = {
        .in_namespace = stage->namespace_fd > 0,
        .connections = 2 * stage->sessions_most,
        .threads = CROWD_THREADS_MAX,
    };
    struct url url = {.tls = tls,
                      .port = machine_port(of, tls ? DEPLOY_HTTPS_PORT : DEPLOY_HTTP_PORT)};
    snprintf(url.host, sizeof(url.host), "%s", machine_address(of));
    snprintf(url.target, sizeof(url.target), "/");
    return target_prepare(&url, &options, &stage->targets[2 * machine + tls], err);
}

static int prepare_targets(struct shop_stage *stage, struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; i < stage->run->machine_count && rc == 0; i++) {
        rc = prepare_target(stage, i, false, err);
        rc = rc < 0 ? rc : prepare_target(stage, i, true, err);
        stage->shops[i] = (struct crowd_shop){&stage->targets[2 * i], &stage->targets[2 * i + 1]};
    }
    return rc;
}

/* In a search the bound is what this process may open, if that is less; a number that was asked for
 * is an error then. */
static int find_targets(struct shop_stage *stage, struct error *err)
{
    const struct shop_options *want = options_of(stage);
    unsigned machines = stage->run->machine_count;
    uint64_t least = want->start * machines;
    CLEANUP_NAMESPACE int token = namespace_enter(stage->namespace_fd, err);
    if (token < 0)
        return token;
    stage->sessions_most = (want->sessions ? want->sessions : want->most) * machines;
    for (;;) {
        struct error cause = {0};
        int rc = prepare_targets(stage, &cause);
        bool is_limit = rc == -EMFILE || rc == -EADDRNOTAVAIL;
        if (rc == 0)
            return 0;
        if (want->sessions || !is_limit || stage->sessions_most / 2 < least)
            return error_set(err, cause.kind, rc, "%s", cause.text);
        stage->sessions_most /= 2;
    }
}

static int set_world(struct shop_stage *stage, uint32_t sessions, struct error *err)
{
    uint64_t directories = options_of(stage)->rules.directories;
    if (shop_world_init(&stage->world, stage->run->seed, sessions, (uint32_t)directories) < 0)
        return error_set(err, ERROR_USAGE, -ERANGE,
                         "set up the shop: built for %" PRIu32 " sessions with %" PRIu64
                         " directories each: more than %d",
                         sessions, directories, SHOP_DIRECTORIES_MAX);
    return 0;
}

int shop_stage_rebuild(struct shop_stage *stage, uint64_t sessions, struct error *err)
{
    uint32_t built = shop_built_sessions(options_of(stage), sessions);
    if (built == stage->world.sessions)
        return 0;
    int rc = set_world(stage, built, err);
    for (unsigned i = 0; i < stage->run->machine_count && rc >= 0; i++) {
        rc = stop_shop(stage, i, err);
        if (rc < 0)
            error_prefix(err, "stop the shop: machine %u", i);
    }
    return rc < 0 ? rc : start_shops(stage, err);
}

int shop_stage_open(struct shop_stage *stage, struct error *err)
{
    const struct shop_options *want = options_of(stage);
    const struct workload_run *run = stage->run;
    stage->namespace_fd = network_namespace_fd(run->network);
    uint32_t built = shop_built_sessions(want, shop_first_sessions(want));
    int rc = set_world(stage, built, err);
    rc = rc < 0 ? rc : authority_open(run->directory, &stage->authority, err);
    rc = rc < 0 ? rc : start_besim(stage, err);
    rc = rc < 0 ? rc : start_shops(stage, err);
    return rc < 0 ? rc : find_targets(stage, err);
}

void shop_stage_done(struct shop_stage *stage)
{
    stop_besim(stage);
    for (unsigned i = 0; i < PLAN_VMS_MAX; i++)
        deploy_free(stage->deploys[i]);
    authority_free(stage->authority);
}

int shop_stage_read_log(struct shop_stage *stage, unsigned machine, struct shop_log *out_log,
                        struct error *err)
{
    const struct deploy *deploy = stage->deploys[machine];
    struct channel *channel = machine_channel(stage->run->machines[machine]);
    /* Fields of the line: port, status, body bytes, ... */
    const char *const count[] = {"awk", "{ n++; b += $3 } END { printf \"%.0f %.0f\\n\", n, b }",
                                 deploy->access_log, NULL};
    CLEANUP_FREE char *text = NULL;
    struct shop_log log;
    int rc = stop_shop(stage, machine, err);
    rc = rc < 0 ? rc : channel_check(channel, count, stage->run->timeout_ns, &text, err);
    if (rc < 0)
        return rc;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &log.requests, &log.bytes) != 2)
        return error_set(err, ERROR_INTERNAL, -EPROTO, "read '%s': unexpected '%.80s'",
                         deploy->access_log, text);
    *out_log = log;
    return 0;
}
