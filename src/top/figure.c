/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/figure.h"

/* clang-format off */
const struct figure_kind figure_kinds[FIGURE_COUNT] = {
    [FIGURE_CPU] = {"cpu", "cpu_seconds", FIGURE_UNIT_NS,
        "CPU time of all threads of the machine, guest code included"},
    [FIGURE_GUEST] = {"guest", "guest_seconds", FIGURE_UNIT_NS,
        "CPU time in guest mode"},
    [FIGURE_WAIT] = {"wait", "wait_seconds", FIGURE_UNIT_NS,
        "Time for which threads of the machine were runnable and waited for a CPU"},
    [FIGURE_VCPU_RUN] = {"vcpu_run", "vcpu_run_seconds", FIGURE_UNIT_NS,
        "CPU time of the vCPU threads"},
    [FIGURE_VCPU_WAIT] = {"steal_host", "vcpu_wait_seconds", FIGURE_UNIT_NS,
        "Time for which vCPU threads waited for a CPU: steal as the host knows it"},
    [FIGURE_STEAL] = {"steal_guest", "guest_steal_seconds", FIGURE_UNIT_NS,
        "Steal as the guest's kernel counts it"},
    [FIGURE_EXITS] = {"exits", "exits", FIGURE_UNIT_NONE,
        "World switches from guest to host"},
    [FIGURE_EXIT_TIME] = {"exit_time", "exit_seconds", FIGURE_UNIT_NS,
        "Time from exit to entry, halted time included"},
    [FIGURE_READ] = {"read", "disk_read_bytes", FIGURE_UNIT_BYTES,
        "Bytes that the machine's process had read from disks"},
    [FIGURE_WRITE] = {"write", "disk_written_bytes", FIGURE_UNIT_BYTES,
        "Bytes that the machine's process had written to disks"},
    [FIGURE_RECEIVE] = {"receive", "network_received_bytes", FIGURE_UNIT_BYTES,
        "Bytes that the guest received"},
    [FIGURE_SEND] = {"send", "network_sent_bytes", FIGURE_UNIT_BYTES,
        "Bytes that the guest sent"},
    [FIGURE_MIGRATIONS] = {"migrations", "vcpu_migrations", FIGURE_UNIT_NONE,
        "Moves of vCPUs from one CPU of the host to another"},
    [FIGURE_FAULTS] = {"faults", "major_faults", FIGURE_UNIT_NONE,
        "Page faults of the machine's process that needed a disk"},
    [FIGURE_GUEST_INSTRUCTIONS] = {"guest_instructions", "guest_instructions", FIGURE_UNIT_NONE,
        "Instructions in guest mode"},
    [FIGURE_GUEST_CYCLES] = {"guest_cycles", "guest_cycles", FIGURE_UNIT_NONE,
        "CPU cycles in guest mode"},
    [FIGURE_HOST_INSTRUCTIONS] = {"host_instructions", "host_instructions", FIGURE_UNIT_NONE,
        "Instructions of the machine's threads outside of guest mode"},
    [FIGURE_HOST_CYCLES] = {"host_cycles", "host_cycles", FIGURE_UNIT_NONE,
        "CPU cycles of the machine's threads outside of guest mode"},
};
/* clang-format on */

struct rate figure_rate(const struct figure *before, const struct figure *after,
                        uint64_t elapsed_ns)
{
    if (after->missing)
        return (struct rate){.missing = after->missing};
    if (before->missing)
        return (struct rate){.missing = "it could not be had a moment ago"};
    if (after->value < before->value)
        return (struct rate){.missing = "the count went back"};
    if (elapsed_ns == 0)
        return (struct rate){.missing = "no time has passed"};
    return (struct rate){.value =
                             (double)(after->value - before->value) * 1e9 / (double)elapsed_ns};
}
