/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bench-looking [watched|traced] CALLS: CPU time of a system call that does nothing, in
 * nanoseconds, as it is or with the probe `exits` at the tracepoints of system calls, in place of
 * those of VM exits: by its BPF programs (watched), or through tracefs (traced). Our own threads
 * are in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/exit_reason.h"
#include "probe/exits.h"
#include "probe/exits_memory.h"

/* As KVM's reason on Intel's processors, in what an argument points at. */
static const struct exits_memory *registers(void)
{
    static const struct exits_memory memory = {
        .isa = EXIT_ISA_INTEL,
        .argument = "pt_regs",
        .structure = "pt_regs",
        .reasons = {"orig_ax"},
        .info_at = -1,
    };
    return &memory;
}

static const struct exits_points system_calls = {
    .exit = "raw_syscalls/sys_enter",
    .reason = "id",
    .isa = "id",
    .memory = registers,
    .user = "kvm/kvm_userspace_exit",
    .entry = "raw_syscalls/sys_exit",
};

static uint64_t cpu_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    struct exits_points points = system_calls;
    bool traced = argc > 2 && strcmp(argv[1], "traced") == 0;
    bool watched = traced || (argc > 2 && strcmp(argv[1], "watched") == 0);
    points.source = traced ? EXITS_TRACEFS : EXITS_BPF;
    uint64_t calls = argc > 1 ? strtoull(argv[argc - 1], NULL, 10) : 0;
    struct exits *exits = NULL;
    struct error err = {0};
    if (calls == 0 || (watched && exits_open(&points, &exits, &err) < 0)) {
        fprintf(stderr, "bench-looking: %s\n", calls ? err.text : "how many calls?");
        return 3;
    }
    uint64_t start_ns = cpu_time_ns();
    for (uint64_t i = 0; i < calls; i++)
        syscall(SYS_getppid);
    printf("%.2f\n", (double)(cpu_time_ns() - start_ns) / (double)calls);
    exits_close(exits);
    return 0;
}
