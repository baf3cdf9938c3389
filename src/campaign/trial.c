/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lab.h"
#include "base/mem.h"
#include "campaign/convert.h"
#include "campaign/counting.h"
#include "campaign/kallsyms.h"
#include "probe/counts.h"
#include "probe/host.h"
#include "probe/probe.h"

/* Room for a workload on a machine that is much slower than the estimate. */
#define TIMEOUT_FACTOR 20
#define TIMEOUT_MIN_NS (120 * NS_PER_S)
#define TIMEOUT_LAB_FACTOR 5 /* emulation within emulation */

/* A trial under way. */
struct running {
    struct context *context;
    const struct trial_options *options;
    const struct workload *workload;
    struct workload_run run;
    struct machine *machines[PLAN_VMS_MAX];
    unsigned starts[PLAN_VMS_MAX]; /* tries to make each */
    struct machine_usage before[PLAN_VMS_MAX];
    bool usage_is_known[PLAN_VMS_MAX];
    struct workload_clock early_clocks[PLAN_VMS_MAX], late_clocks[PLAN_VMS_MAX];
    bool clocks_are_compared; /* both were read */
    struct counting counting;
    struct probing *probing;
    struct store_trial *trial;
};

bool trial_clock_is_suspect(uint64_t host_ns, uint64_t guest_ns, uint64_t round_trip_ns)
{
    if (guest_ns == 0)
        return false;
    uint64_t gap_ns = host_ns > guest_ns ? host_ns - guest_ns : guest_ns - host_ns;
    if (host_ns > guest_ns)
        gap_ns -= gap_ns < round_trip_ns ? gap_ns : round_trip_ns;
    return (double)gap_ns > (double)host_ns * TRIAL_CLOCK_SHARE + (double)TRIAL_CLOCK_NS;
}

bool trial_failed_to_boot(const struct store_trial *trial)
{
    if (trial->status != TRIAL_FAILED)
        return false;
    for (size_t i = 0; i < trial->machine_count; i++)
        if (trial->machines[i].boot_ns > 0)
            return false;
    return true;
}

/* Retries are never silent, also where they did not help. */
static void note_starts(struct running *running)
{
    for (unsigned i = 0; i < running->options->cell->vms; i++)
        if (running->starts[i] > 1)
            workload_add_fact(&running->run, "machine.starts", "machine %u: %u", i,
                              running->starts[i]);
}

static int boot_machines(struct running *running, struct error *err)
{
    const struct plan_cell *cell = running->options->cell;
    const void *options = running->run.options;
    struct site *site;
    int rc = context_find_site(running->context, cell->platform, &site, err);
    if (rc < 0)
        return rc;
    struct machine_options machine = {
        .count = cell->vms,
        .vcpus = cell->vcpus,
        .memory_bytes = cell->memory_bytes,
        .scratch_bytes =
            running->workload->scratch_bytes ? running->workload->scratch_bytes(options) : 0,
        .scratch_source = running->context->scratch_sources[cell->workload],
        .block = running->options->block,
        .cell = running->options->cell_index,
    };
    for (unsigned i = 0; i < cell->vms; i++) {
        machine.index = i;
        machine.starts = &running->starts[i];
        rc = machine_start(site, &machine, &running->machines[i], err);
        if (rc < 0)
            return rc;
        running->run.machine_count = i + 1;
    }
    for (unsigned i = 0; i < cell->vms; i++) {
        rc = machine_begin(running->machines[i], err);
        if (rc < 0)
            return rc;
    }
    for (unsigned i = 0; i < cell->vms; i++) {
        rc = machine_wait_ready(running->machines[i], &running->trial->machines[i].boot_ns, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* What takes long is asked first, so that no machine waits for another's in the measured time. */
static void read_usage_before(struct running *running)
{
    struct machine_figure exits[PLAN_VMS_MAX] = {0};
    for (unsigned i = 0; i < running->run.machine_count; i++)
        machine_count_exits(running->machines[i], &exits[i]);
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        struct machine_usage *usage = &running->before[i];
        running->usage_is_known[i] = machine_read_usage(running->machines[i], usage, NULL) >= 0;
        if (exits[i].value || exits[i].missing)
            usage->exits = exits[i];
    }
}

/* What the host saw of each machine during the measured part. */
static void record_usage(struct running *running)
{
    struct machine_usage after[PLAN_VMS_MAX];
    for (unsigned i = 0; i < running->run.machine_count; i++)
        running->usage_is_known[i] = running->usage_is_known[i] &&
                                     machine_read_usage(running->machines[i], &after[i], NULL) >= 0;
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        if (!running->usage_is_known[i])
            continue;
        machine_count_exits(running->machines[i], &after[i].exits);
        convert_usage(running->trial, (int)i, &running->before[i], &after[i]);
    }
}

static void begin_probing(struct running *running)
{
    const struct plan_cell *cell = running->options->cell;
    const char *kind = running->context->plan->platforms[cell->platform].kind->name;
    struct probe_target targets[PLAN_VMS_MAX];
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        struct machine *machine = running->machines[i];
        bool is_fake = strcmp(kind, "fake") == 0;
        targets[i] = (struct probe_target){
            .index = i,
            .pid = machine_pid(machine),
            .is_virtual = machine_is_virtual(machine),
            .is_kvm = strcmp(kind, "kvm") == 0,
            .is_emulated = strcmp(kind, "qemu-tcg") == 0,
            .is_virtualbox = strcmp(kind, "virtualbox") == 0,
            .is_fake = is_fake,
            .domain = machine_domain(machine),
            .channel = is_fake ? NULL : machine_channel(machine),
            .machine = machine,
            .events = &running->context->plan->events,
        };
    }
    running->probing =
        probing_open(targets, running->run.machine_count, &running->context->plan->probes);
    probing_begin(running->probing);
}

static void end_probing(struct running *running)
{
    struct probe_readings readings = {0};
    probing_end(running->probing, &readings);
    convert_readings(running->trial, &readings);
    running->probing = probing_close(running->probing);
}

/* An error of a step may only be the echo of a machine that died: then that is the cause. Why one
 * could not be started again, the error says already. */
static int explain_failure(struct running *running, int rc, struct error *err)
{
    if (rc == -EINTR)
        return rc;
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        struct error cause = {0};
        if (machine_is_there(running->machines[i]) &&
            machine_check_alive(running->machines[i], &cause) < 0)
            return error_set(err, ERROR_FAILED, rc, "%s", cause.text);
    }
    return rc;
}

/* "kvm-bzip2-block1-machine2". A native machine has no kernel of its own. */
static void keep_kallsyms(struct running *running)
{
    const struct plan *plan = running->context->plan;
    const struct plan_cell *cell = running->options->cell;
    const struct plan_entry *platform = &plan->platforms[cell->platform];
    if (!running->context->kallsyms || strcmp(platform->kind->name, "native") == 0)
        return;
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        CLEANUP_FREE char *name = mem_printf("%s-%s-block%u-machine%u", platform->name,
                                             plan->workloads[cell->workload].name,
                                             (unsigned)running->options->block + 1, i + 1);
        kallsyms_keep(running->context->kallsyms, name, running->machines[i]);
    }
}

static bool work_is_suspect(const struct workload_run *run, unsigned machine)
{
    return trial_clock_is_suspect(run->host_ns[machine], run->guest_ns[machine],
                                  run->round_trip_ns[machine]);
}

/* Is the clock itself wrong? Then *out_host_ns and *out_guest_ns are what shows it. If not, the end
 * of the work was noticed late, and how long it took the machine knows. */
static bool judge_clock(struct running *running, unsigned machine, uint64_t *out_host_ns,
                        uint64_t *out_guest_ns)
{
    struct workload_span span =
        workload_clock_span(&running->early_clocks[machine], &running->late_clocks[machine]);
    bool is_suspect = trial_clock_is_suspect(span.host_ns, span.guest_ns, span.round_trip_ns);
    if (!is_suspect)
        workload_add_fact(&running->run, "machine.clocks",
                          "machine %u: work of %.3f s noticed after %.3f s; its clock is right",
                          machine, (double)*out_guest_ns / 1e9, (double)*out_host_ns / 1e9);
    *out_host_ns = span.host_ns;
    *out_guest_ns = span.guest_ns;
    return is_suspect;
}

/* A busy host notices late that work has ended, and its clock shows more than the machine's. Then
 * their clocks are read once more, and compared since before the work. */
static int compare_clocks(struct running *running, struct error *err)
{
    bool any = false;
    for (unsigned i = 0; i < running->run.machine_count; i++)
        any |= work_is_suspect(&running->run, i);
    if (!any || running->workload->is_fake)
        return 0;
    int rc = workload_read_clocks(&running->run, running->late_clocks, err);
    running->clocks_are_compared = rc >= 0;
    return rc;
}

static int run_phases(struct running *running, struct error *err)
{
    struct store_trial *trial = running->trial;
    const struct workload *workload = running->workload;
    uint64_t at_ns = clock_monotonic_ns();
    int rc = boot_machines(running, err);
    note_starts(running);
    uint64_t now_ns = clock_monotonic_ns();
    trial->boot_ns = now_ns - at_ns;
    if (rc >= 0) {
        rc = workload->prepare ? workload->prepare(&running->run, err) : 0;
        if (rc >= 0 && !workload->is_fake)
            rc = workload_read_clocks(&running->run, running->early_clocks, err);
        at_ns = now_ns;
        now_ns = clock_monotonic_ns();
        trial->prepare_ns = now_ns - at_ns;
    }
    if (rc >= 0) {
        begin_probing(running);
        now_ns = clock_monotonic_ns();
        read_usage_before(running);
        counting_begin_run(&running->counting);
        rc = workload->run(&running->run, err);
        counting_end_run(&running->counting);
        record_usage(running);
        at_ns = now_ns;
        now_ns = clock_monotonic_ns();
        trial->run_ns = now_ns - at_ns;
        end_probing(running);
        if (rc >= 0)
            rc = compare_clocks(running, err);
        now_ns = clock_monotonic_ns();
    }
    if (rc >= 0 && workload->verify) {
        rc = workload->verify(&running->run, err);
        at_ns = now_ns;
        trial->verify_ns = clock_monotonic_ns() - at_ns;
    }
    if (rc >= 0)
        keep_kallsyms(running);
    return rc < 0 ? explain_failure(running, rc, err) : 0;
}

static void record_clocks(struct running *running)
{
    struct store_trial *trial = running->trial;
    for (unsigned i = 0; i < running->run.machine_count; i++) {
        uint64_t host_ns = running->run.host_ns[i], guest_ns = running->run.guest_ns[i];
        trial->machines[i].host_ns = host_ns;
        trial->machines[i].guest_ns = guest_ns;
        if (trial->status != TRIAL_OK || !work_is_suspect(&running->run, i))
            continue;
        if (running->clocks_are_compared && !judge_clock(running, i, &host_ns, &guest_ns))
            continue;
        trial->status = TRIAL_INVALID;
        trial->cause = mem_printf("clock-suspect: machine %u: %.3f s on the host's clock, "
                                  "%.3f s on its own",
                                  i, (double)host_ns / 1e9, (double)guest_ns / 1e9);
    }
}

static void record_outcome(struct running *running, int rc, const struct error *err)
{
    struct store_trial *trial = running->trial;
    if (rc < 0) {
        trial->status = TRIAL_FAILED;
        trial->cause = mem_strdup(err->text);
        for (unsigned i = 0; i < running->run.machine_count; i++)
            trial->machines[i].console_tail = machine_console_tail(running->machines[i]);
    } else if (running->run.invalid[0]) {
        trial->status = TRIAL_INVALID;
        trial->cause = mem_strdup(running->run.invalid);
    }
    record_clocks(running);
    convert_samples(trial, &running->run);
    counting_store(&running->counting, trial);
}

static void stop_machines(struct running *running)
{
    uint64_t start_ns = clock_monotonic_ns();
    if (running->workload->finish)
        running->workload->finish(&running->run);
    for (unsigned i = running->run.machine_count; i > 0; i--)
        machine_free(running->machines[i - 1]);
    running->trial->stop_ns = clock_monotonic_ns() - start_ns;
    workload_run_done(&running->run);
}

static uint64_t step_timeout_ns(const struct plan_entry *workload, unsigned vms)
{
    uint64_t estimate_ns = plan_estimate_entry(workload);
    uint64_t timeout_ns = estimate_ns * TIMEOUT_FACTOR * vms;
    if (timeout_ns < TIMEOUT_MIN_NS)
        timeout_ns = TIMEOUT_MIN_NS;
    return lab_is_here() ? timeout_ns * TIMEOUT_LAB_FACTOR : timeout_ns;
}

int trial_run(struct context *context, const struct trial_options *options,
              struct store_trial *out_trial, struct error *err)
{
    const struct plan_cell *cell = options->cell;
    const struct plan_entry *entry = &context->plan->workloads[cell->workload];
    struct store_trial trial = {
        .block = options->block,
        .position = options->position,
        .status = TRIAL_OK,
        .start_ns = clock_realtime_ns(),
        .machines = mem_array(cell->vms, sizeof(*trial.machines)),
        .machine_count = cell->vms,
    };
    for (unsigned i = 0; i < cell->vms; i++)
        trial.machines[i].index = i;
    struct running running = {
        .context = context,
        .options = options,
        .workload = workload_find(entry->kind),
        .trial = &trial,
    };
    running.run = (struct workload_run){
        .workload = running.workload,
        .options = entry->options,
        .machines = running.machines,
        .load = context->load_side ? load_side_channel(context->load_side) : NULL,
        .network = context->network,
        .placement = &context->plan->placement,
        .directory = context->directory,
        .scratch_source = context->scratch_sources[cell->workload],
        .seed = context->plan->seed,
        .timeout_ns = step_timeout_ns(entry, cell->vms),
    };
    counting_init(&running.counting);
    running.run.meter = &running.counting.meter;
    convert_moment(&trial);
    struct error cause = {0};
    int rc = run_phases(&running, &cause);
    if (rc == -EINTR) {
        stop_machines(&running);
        store_trial_done(&trial);
        return error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    }
    record_outcome(&running, rc, &cause);
    stop_machines(&running);
    *out_trial = trial;
    return 0;
}
