/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm: what KVM itself counts for each machine, without times of exits but with halt polling: what
 * its binary statistics (KVM_GET_STATS_FD) hold as well, which only the process that owns the
 * machine may ask for; to others the same numbers are shown in debugfs.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "probe/probe_list.h"

#define DIRECTORY "/sys/kernel/debug/kvm"

static const char *const files[] = {
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

static int open_kvm(const struct probe_target *targets, size_t count, void **out_state,
                    struct error *err)
{
    (void)out_state;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= targets[i].is_kvm;
    if (!any)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here runs under KVM");
    if (access(DIRECTORY, R_OK | X_OK) == 0)
        return 0;
    return error_set(
        err, ERROR_ENVIRONMENT, -ENOTSUP, "%s",
        geteuid() != 0 ? "only root may read KVM's counts (debugfs)"
                       : "KVM's counts are not there: mount -t debugfs debugfs /sys/kernel/debug");
}

/* A machine's directory is named PID-FD. */
static char *find_directory(pid_t pid)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof(prefix), "%d-", (int)pid);
    DIR *list = opendir(DIRECTORY);
    char *found = NULL;
    for (struct dirent *entry; list && !found && (entry = readdir(list));)
        if (strncmp(entry->d_name, prefix, (size_t)length) == 0)
            found = mem_printf("%s/%s", DIRECTORY, entry->d_name);
    if (list)
        closedir(list);
    return found;
}

static void read_kvm(void *state, const struct probe_target *target, struct probe_readings *out)
{
    (void)state;
    if (!target->is_kvm)
        return;
    CLEANUP_FREE char *directory = find_directory(target->pid);
    if (!directory)
        probe_readings_miss(out, (int)target->index, "kvm:exits",
                            "KVM counts nothing for this process");
    for (size_t i = 0; directory && i < COUNT_OF(files); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, files[i]);
        CLEANUP_FREE char *text = NULL;
        uint64_t count;
        if (file_read(path, 64, &text, NULL, NULL) < 0)
            continue; /* not in this version of KVM */
        text[strcspn(text, "\n")] = '\0';
        if (units_parse_count(text, &count) == 0)
            probe_readings_add(out, (int)target->index, count, "kvm:%s", files[i]);
    }
}

const struct probe probe_kvm = {
    .name = "kvm",
    .help = "KVM's own counts: exits of some kinds, interrupts, halt polling: debugfs.",
    .open = open_kvm,
    .read = read_kvm,
};
