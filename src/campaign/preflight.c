/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/preflight.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/units.h"
#include "machine/machine.h"
#include "probe/probe.h"
#include "workload/workload.h"

/* What the host itself needs beside the machines. */
#define HOST_RESERVE_BYTES (UINT64_C(256) << 20)

static uint64_t largest(const struct option_counts *counts)
{
    uint64_t max = 0;
    for (size_t i = 0; i < counts->count; i++)
        if (counts->items[i] > max)
            max = counts->items[i];
    return max;
}

static int check_pair(const struct plan_entry *platform, const struct plan_entry *workload,
                      struct error *err)
{
    bool fake_platform = platform_find(platform->kind)->is_fake;
    bool fake_workload = workload_find(workload->kind)->is_fake;
    if (fake_platform && !fake_workload)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "check plan: platform '%s' is fake and runs workload fake only, not '%s'",
                         platform->name, workload->name);
    if (fake_workload && !fake_platform)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "check plan: workload '%s' is fake and runs on platform fake only, not "
                         "on '%s'",
                         workload->name, platform->name);
    return 0;
}

static int check_key(const struct plan_entry *platform, const char *key,
                     const struct option_counts *wanted, const char *why_not, struct error *err)
{
    if (wanted->count == 0 || !why_not)
        return 0;
    return error_set(err, ERROR_USAGE, -ENOTSUP,
                     "check plan: platform '%s' does not heed placement %s: %s; leave one of the "
                     "two out",
                     platform->name, key, why_not);
}

/* What a platform would not heed would make a difference that is none of its own. */
static int check_placement(const struct plan_entry *entry, const struct plan_placement *placement,
                           struct error *err)
{
    const struct platform *platform = platform_find(entry->kind);
    int rc =
        check_key(entry, "emulator", &placement->emulator, platform->no_emulator_placement, err);
    return rc < 0 ? rc
                  : check_key(entry, "numa-node", &placement->numa_nodes,
                              platform->no_memory_placement, err);
}

static int check_memory(const struct plan *plan, const struct preflight_host *host,
                        struct error *err)
{
    uint64_t vms = largest(&plan->vms), memory = largest(&plan->memory_bytes), total;
    char want[UNITS_TEXT_MAX], have[UNITS_TEXT_MAX];
    if (__builtin_mul_overflow(vms, memory, &total) || total + HOST_RESERVE_BYTES < total ||
        total + HOST_RESERVE_BYTES > host->memory_bytes)
        return error_set(err, ERROR_USAGE, -ENOMEM,
                         "check plan: %" PRIu64 " VMs of %s are more than this host's %s; "
                         "use fewer --vms or less --memory",
                         vms, units_format_size(memory, want),
                         units_format_size(host->memory_bytes & ~UINT64_C(0xfffff), have));
    return 0;
}

static int check_cpus(const char *key, const struct option_counts *cpus,
                      const struct preflight_host *host, struct error *err)
{
    for (size_t i = 0; i < cpus->count; i++)
        if (cpus->items[i] >= host->cpu_count)
            return error_set(err, ERROR_USAGE, -EINVAL,
                             "check plan: placement %s: no CPU %" PRIu64 " here; this host has "
                             "CPUs 0 to %u",
                             key, cpus->items[i], host->cpu_count - 1);
    return 0;
}

static int check_machines(const struct plan *plan, const struct preflight_host *host,
                          struct error *err)
{
    uint64_t vcpus = largest(&plan->vcpus);
    if (vcpus > host->cpu_count && !host->emulated)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "check plan: %" PRIu64 " vCPUs in one VM are more than this host's %u "
                         "CPUs; use fewer --vcpus",
                         vcpus, host->cpu_count);
    int rc = check_memory(plan, host, err);
    if (rc >= 0)
        rc = check_cpus("vms", &plan->placement.vms, host, err);
    if (rc >= 0)
        rc = check_cpus("load", &plan->placement.load, host, err);
    if (rc >= 0)
        rc = check_cpus("emulator", &plan->placement.emulator, host, err);
    return rc;
}

int preflight_check(const struct plan *plan, const struct preflight_host *host, struct error *err)
{
    bool real = false;
    for (size_t i = 0; i < plan->platform_count; i++) {
        const struct platform *platform = platform_find(plan->platforms[i].kind);
        for (size_t j = 0; j < plan->workload_count; j++) {
            int rc = check_pair(&plan->platforms[i], &plan->workloads[j], err);
            if (rc < 0)
                return rc;
        }
        if (!platform->is_virtual && !platform->is_fake && plan->image && !plan->root)
            return error_set(err, ERROR_USAGE, -EINVAL,
                             "check plan: '%s' with image '%s' needs that image's root file system "
                             "as a directory: name it with --root, or leave '%s' out",
                             plan->platforms[i].name, plan->image, plan->platforms[i].name);
        int rc = check_placement(&plan->platforms[i], &plan->placement, err);
        if (rc < 0)
            return rc;
        real |= !platform->is_fake;
    }
    int rc = probe_check_names(&plan->probes, err);
    if (rc < 0)
        return error_prefix(err, "check plan");
    return real ? check_machines(plan, host, err) : 0;
}

int preflight_probe(struct plan *plan, const char *uri, bool skip_missing, struct error *err)
{
    for (size_t i = 0; i < plan->platform_count;) {
        const struct plan_entry *entry = &plan->platforms[i];
        struct error why = {0};
        int rc = platform_probe(entry, uri, &why);
        if (rc >= 0) {
            i++;
            continue;
        }
        if (rc == -EINTR || !skip_missing || i == plan->baseline)
            return error_set(
                err, rc == -EINTR ? ERROR_FAILED : ERROR_ENVIRONMENT, rc, "platform '%s': %s%s",
                entry->name, why.text,
                rc == -EINTR || i == plan->baseline ? "" : " (--skip-missing measures the others)");
        log_warn("leaving platform '%s' out: %s", entry->name, why.text);
        plan_remove_platform(plan, i);
    }
    if (plan->platform_count < 2 && skip_missing)
        log_warn("only '%s' is left: there is nothing to compare it with", plan->platforms[0].name);
    return 0;
}
