/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/kvm_counts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "machine/kvm_exits.h"
#include "machine/kvm_stats.h"
#include "probe/probe_list.h"

static const char *const names[] = {
    "exits",
    "io_exits",
    "mmio_exits",
    "halt_exits",
    "irq_exits",
    "irq_window_exits",
    "signal_exits",
    "request_irq_exits",
    "irq_injections",
    "nmi_injections",
    "hypercalls",
    "insn_emulation",
    "host_state_reload",
    "invlpg",
    "tlb_flush",
    "remote_tlb_flush",
    "pf_taken",
    "pf_emulate",
    "pf_fixed",
    "halt_attempted_poll",
    "halt_successful_poll",
    "halt_wakeup",
    "halt_poll_success_ns",
    "halt_poll_fail_ns",
    "halt_wait_ns",
    "preemption_reported",
};

/* Of one machine: a directory of debugfs, or binary statistics, or why neither. */
struct source {
    char *directory;
    struct kvm_stats *stats;
    char *why;
};

struct kvm_counts {
    struct source *sources; /* one for each target */
    size_t count;
};

/* A machine's directory is named PID-FD. NULL: there is none, *out_why says why. */
static char *find_directory(const char *debugfs, pid_t pid, const char **out_why)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof(prefix), "%d-", (int)pid);
    CLEANUP_DIRECTORY DIR *list = opendir(debugfs);
    char *found = NULL;
    *out_why = list             ? "KVM counts nothing for this process"
               : geteuid() != 0 ? "only root may read KVM's counts (debugfs)"
                                : "KVM's counts are not there: mount -t debugfs debugfs "
                                  "/sys/kernel/debug";
    for (struct dirent *entry; list && !found && (entry = readdir(list));)
        if (strncmp(entry->d_name, prefix, (size_t)length) == 0)
            found = mem_printf("%s/%s", debugfs, entry->d_name);
    return found;
}

static bool find_source(const char *debugfs, pid_t pid, struct source *source)
{
    struct error err = {0};
    const char *why;
    source->directory = find_directory(debugfs, pid, &why);
    if (source->directory || kvm_stats_open(pid, &source->stats, &err) >= 0)
        return true;
    source->why = mem_printf("%s; %s", why, err.text);
    return false;
}

int kvm_counts_open(const char *debugfs, const struct probe_target *targets, size_t count,
                    struct kvm_counts **out_counts, struct error *err)
{
    struct kvm_counts *counts = mem_zalloc(sizeof(*counts));
    counts->sources = mem_zalloc((count + 1) * sizeof(*counts->sources));
    counts->count = count;
    const char *why = "no machine here runs under KVM";
    bool any = false;
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_kvm && find_source(debugfs, targets[i].pid, &counts->sources[i]))
            any = true;
        else if (targets[i].is_kvm)
            why = counts->sources[i].why;
    int rc = any ? 0 : error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s", why);
    if (any)
        *out_counts = counts;
    else
        kvm_counts_close(counts);
    return rc;
}

struct sums {
    uint64_t values[COUNT_OF(names)];
    bool are_there[COUNT_OF(names)];
};

static void add_count(const char *name, uint64_t value, void *context)
{
    struct sums *sums = context;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        sums->values[i] += value;
        sums->are_there[i] = true;
    }
}

static void read_files(const char *directory, struct sums *sums)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, names[i]);
        CLEANUP_FREE char *text = NULL;
        uint64_t count;
        if (file_read(path, 64, &text, NULL, NULL) < 0)
            continue; /* not in this version of KVM */
        text[strcspn(text, "\n")] = '\0';
        if (units_parse_count(text, &count) == 0)
            add_count(names[i], count, sums);
    }
}

void kvm_counts_read(struct kvm_counts *counts, const struct probe_target *target,
                     struct probe_readings *out)
{
    const struct source *source = &counts->sources[target->index];
    int machine = (int)target->index;
    struct sums sums = {0};
    if (source->directory)
        read_files(source->directory, &sums);
    else if (source->why)
        probe_readings_miss(out, machine, "kvm:exits", "%s", source->why);
    else if (source->stats && kvm_stats_each(source->stats, add_count, &sums) < 0) {
        probe_readings_miss(out, machine, "kvm", "KVM's statistics cannot be read");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (sums.are_there[i])
            probe_readings_add(out, machine, sums.values[i], "kvm:%s", names[i]);
}

struct kvm_counts *kvm_counts_close(struct kvm_counts *counts)
{
    if (!counts)
        return NULL;
    for (size_t i = 0; i < counts->count; i++) {
        kvm_stats_close(counts->sources[i].stats);
        free(counts->sources[i].directory);
        free(counts->sources[i].why);
    }
    free(counts->sources);
    free(counts);
    return NULL;
}

static int open_kvm(const struct probe_target *targets, size_t count, void **out_state,
                    struct error *err)
{
    struct kvm_counts *counts = NULL;
    int rc = kvm_counts_open(KVM_EXITS_DIRECTORY, targets, count, &counts, err);
    *out_state = counts;
    return rc;
}

static void read_kvm(void *state, const struct probe_target *target, struct probe_readings *out)
{
    kvm_counts_read(state, target, out);
}

static void close_kvm(void *state)
{
    kvm_counts_close(state);
}

const struct probe probe_kvm = {
    .name = "kvm",
    .help = "KVM's own counts: exits of some kinds, interrupts, halt polling: debugfs, or its "
            "binary statistics.",
    .open = open_kvm,
    .read = read_kvm,
    .close = close_kvm,
};
