/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "top/read.h"

#define TEXT_BYTES 4096
#define NAME_LOOKS 4    /* a thread gets its name a moment after it starts */
#define TAP_READINGS 16 /* cards may be plugged in later: look again every so often */

static const char no_threads[] = "which threads run vCPUs is not known: QEMU was started without "
                                 "-name debug-threads=on";
static const char no_schedstat[] = "the kernel keeps no scheduler statistics (CONFIG_SCHED_INFO)";

static struct vm_thread *find_thread(struct vm_process *process, pid_t tid)
{
    for (size_t i = 0; i < process->thread_count; i++)
        if (process->threads[i].tid == tid)
            return &process->threads[i];
    MEM_GROW(process->threads, process->thread_count, process->thread_capacity);
    struct vm_thread *thread = &process->threads[process->thread_count++];
    *thread = (struct vm_thread){.tid = tid};
    return thread;
}

static void drop_ended_threads(struct vm_process *process)
{
    size_t kept = 0;
    for (size_t i = 0; i < process->thread_count; i++)
        if (process->threads[i].is_there)
            process->threads[kept++] = process->threads[i];
        else
            thread_counters_close(&process->threads[i].counters);
    process->thread_count = kept;
}

static void learn_name(struct vm_thread *thread, int task_fd)
{
    char text[64];
    if (thread->accelerator != PARSE_NO_VCPU || thread->looks >= NAME_LOOKS)
        return;
    thread->looks++;
    if (read_at(task_fd, text, sizeof(text), "%d/comm", thread->tid) <= 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    snprintf(thread->name, sizeof(thread->name), "%.*s", (int)sizeof(thread->name) - 1, text);
    thread->accelerator = parse_vcpu(text, &thread->number);
}

/* Adds what the thread ran and waited since it was read before. 0, or a negative errno. */
static int add_thread(struct vm_process *process, struct vm_thread *thread, int task_fd)
{
    char text[128];
    uint64_t run_ns, wait_ns;
    ssize_t length = read_at(task_fd, text, sizeof(text), "%d/schedstat", thread->tid);
    if (length < 0)
        return (int)length;
    int rc = parse_schedstat(text, (size_t)length, &run_ns, &wait_ns);
    if (rc < 0)
        return rc;
    uint64_t ran_ns = run_ns > thread->run_ns ? run_ns - thread->run_ns : 0;
    uint64_t waited_ns = wait_ns > thread->wait_ns ? wait_ns - thread->wait_ns : 0;
    thread->run_ns = run_ns;
    thread->wait_ns = wait_ns;
    process->run_ns += ran_ns;
    process->wait_ns += waited_ns;
    if (thread->accelerator != PARSE_NO_VCPU) {
        process->vcpu_run_ns += ran_ns;
        process->vcpu_wait_ns += waited_ns;
    }
    return 0;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void add_vcpu(struct vm *vm, const struct vm_thread *thread, int task_fd)
{
    char text[TEXT_BYTES];
    struct parse_stat stat;
    uint64_t moves;
    struct vm_vcpu *vcpu = vm_add_vcpu(vm);
    vcpu->number = thread->number;
    vcpu->tid = thread->tid;
    vcpu->run = figure_of(thread->run_ns);
    vcpu->wait = figure_of(thread->wait_ns);
    vcpu->guest = figure_missing("the thread has just ended");
    ssize_t length = read_at(task_fd, text, sizeof(text), "%d/stat", thread->tid);
    if (length > 0 && parse_stat(text, (size_t)length, &stat) == 0) {
        vcpu->cpu = stat.cpu;
        vcpu->guest = thread->accelerator == PARSE_KVM || thread->accelerator == PARSE_OTHER
                          ? figure_of(ticks_to_ns(stat.guest_ticks))
                          : figure_missing("guest code does not run in a mode of its own");
    }
    length = read_at(task_fd, text, sizeof(text), "%d/sched", thread->tid);
    if (length > 0 && parse_field(text, (size_t)length, "se.nr_migrations", &moves) == 0)
        vcpu->migrations = figure_of(moves);
    else
        vcpu->migrations = figure_missing("the kernel does not count them (CONFIG_SCHED_DEBUG)");
}

static void add_task(struct vm *vm, const struct vm_thread *thread)
{
    struct vm_task *task = vm_add_task(vm);
    task->tid = thread->tid;
    memcpy(task->name, thread->name, sizeof(task->name));
    task->run = figure_of(thread->run_ns);
    task->wait = figure_of(thread->wait_ns);
}

/* 0; -ESRCH; -ENOTSUP: no scheduler statistics. */
static int read_threads(struct vm_process *process, int proc_fd, struct vm *vm)
{
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(proc_fd, "%d/task", process->pid);
    if (!directory)
        return -ESRCH;
    int task_fd = dirfd(directory), rc = 0;
    for (size_t i = 0; i < process->thread_count; i++)
        process->threads[i].is_there = false;
    for (long tid; (tid = read_next_number(directory));) {
        struct vm_thread *thread = find_thread(process, (pid_t)tid);
        learn_name(thread, task_fd);
        int added = add_thread(process, thread, task_fd);
        thread->is_there = true;
        if (added < 0 && added != -ESRCH)
            rc = -ENOTSUP;
        if (added == 0)
            add_task(vm, thread);
        if (thread->accelerator != PARSE_NO_VCPU)
            add_vcpu(vm, thread, task_fd);
    }
    drop_ended_threads(process);
    return rc;
}

static int compare_vcpus(const void *left, const void *right)
{
    const struct vm_vcpu *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

static enum vm_kind kind_of(const struct vm_process *process)
{
    if (process->identity.program == IDENTITY_VIRTUALBOX)
        return VM_VIRTUALBOX;
    if (process->identity.program == IDENTITY_OTHER)
        return VM_KVM;
    for (size_t i = 0; i < process->thread_count; i++) {
        if (process->threads[i].accelerator == PARSE_KVM)
            return VM_KVM;
        if (process->threads[i].accelerator == PARSE_TCG)
            return VM_TCG;
    }
    return VM_QEMU;
}

/* Guest time is counted for KVM alone. */
static struct figure guest_time(enum vm_kind kind, const struct parse_stat *stat)
{
    if (kind == VM_TCG)
        return figure_missing("QEMU emulates: guest code is translated and runs as a part of it");
    if (kind == VM_VIRTUALBOX)
        return figure_missing("the kernel does not count the guest time of VirtualBox");
    if (kind == VM_QEMU && stat->guest_ticks == 0)
        return figure_missing(no_threads);
    return figure_of(ticks_to_ns(stat->guest_ticks));
}

static struct figure sum_migrations(const struct vm *vm)
{
    uint64_t sum = 0;
    if (vm->vcpu_rows == 0)
        return figure_missing(no_threads);
    for (size_t i = 0; i < vm->vcpu_rows; i++) {
        if (vm->vcpus[i].migrations.missing)
            return vm->vcpus[i].migrations;
        sum += vm->vcpus[i].migrations.value;
    }
    return figure_of(sum);
}

static void fill_times(const struct vm_process *process, const struct parse_stat *stat,
                       bool has_schedstat, struct vm *vm)
{
    bool has_vcpus = vm->vcpu_rows > 0;
    const char *lack = has_schedstat ? (has_vcpus ? NULL : no_threads) : no_schedstat;
    struct figure *figures = vm->figures;
    figures[FIGURE_CPU] =
        has_schedstat ? figure_of(process->run_ns) : figure_of(ticks_to_ns(stat->cpu_ticks));
    figures[FIGURE_WAIT] = has_schedstat ? figure_of(process->wait_ns) : figure_missing(lack);
    figures[FIGURE_VCPU_RUN] = lack ? figure_missing(lack) : figure_of(process->vcpu_run_ns);
    figures[FIGURE_VCPU_WAIT] = lack ? figure_missing(lack) : figure_of(process->vcpu_wait_ns);
    figures[FIGURE_GUEST] = guest_time(vm->kind, stat);
    figures[FIGURE_FAULTS] = figure_of(stat->faults);
    figures[FIGURE_MIGRATIONS] = sum_migrations(vm);
}

static const char *explain_read(ssize_t rc)
{
    return rc == -EACCES || rc == -EPERM ? "only root and the machine's own user may read it"
           : rc == -ENOENT ? "the kernel does not count it (CONFIG_TASK_IO_ACCOUNTING)"
                           : "it cannot be read";
}

static void fill_disk(const struct vm_process *process, int proc_fd, struct vm *vm)
{
    char text[TEXT_BYTES];
    uint64_t value;
    ssize_t length = read_at(proc_fd, text, sizeof(text), "%d/io", process->pid);
    const char *lack = length < 0 ? explain_read(length) : "it cannot be read";
    size_t size = length > 0 ? (size_t)length : 0;
    vm->figures[FIGURE_READ] = parse_field(text, size, "read_bytes", &value) == 0
                                   ? figure_of(value)
                                   : figure_missing(lack);
    vm->figures[FIGURE_WRITE] = parse_field(text, size, "write_bytes", &value) == 0
                                    ? figure_of(value)
                                    : figure_missing(lack);
}

static void add_tap(struct vm_process *process, const char *name)
{
    for (size_t i = 0; i < process->tap_count; i++)
        if (strcmp(process->taps[i], name) == 0)
            return; /* one queue more of the same card */
    process->taps =
        mem_resize_array(process->taps, process->tap_count + 1, sizeof(process->taps[0]));
    snprintf(process->taps[process->tap_count++], PARSE_INTERFACE_MAX, "%s", name);
}

/* The tap devices that the process holds. */
static void find_taps(struct vm_process *process, int proc_fd)
{
    char text[TEXT_BYTES], name[PARSE_INTERFACE_MAX];
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(proc_fd, "%d/fdinfo", process->pid);
    process->tap_count = 0;
    process->no_taps = directory ? "it has no tap device: the network is in user mode, or none"
                                 : explain_read(-errno);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        ssize_t length = entry->d_name[0] == '.'
                             ? 0
                             : read_at(dirfd(directory), text, sizeof(text), "%s", entry->d_name);
        if (length > 0 && parse_tap(text, (size_t)length, name) == 0)
            add_tap(process, name);
    }
}

/* A tap's received bytes are what the guest sent. */
static void fill_network(struct vm_process *process, int proc_fd, struct networks *networks,
                         struct vm *vm)
{
    char name[16];
    snprintf(name, sizeof(name), "%d", (int)process->pid);
    if (process->readings % TAP_READINGS == 0)
        find_taps(process, proc_fd);
    uint64_t sent = 0, received = 0, from, to;
    const char *lack = process->tap_count ? NULL : process->no_taps;
    for (size_t i = 0; i < process->tap_count && !lack; i++) {
        if (networks_find(networks, proc_fd, name, process->taps[i], &from, &to) < 0)
            lack = "its tap device is in another network namespace than its process";
        else
            sent += from, received += to;
    }
    vm->figures[FIGURE_SEND] = lack ? figure_missing(lack) : figure_of(sent);
    vm->figures[FIGURE_RECEIVE] = lack ? figure_missing(lack) : figure_of(received);
}

int vm_process_read(struct vm_process *process, int proc_fd, struct networks *networks,
                    struct vm *vm)
{
    char text[TEXT_BYTES];
    struct parse_stat stat;
    vm->time_ns = clock_monotonic_ns();
    ssize_t length = read_at(proc_fd, text, sizeof(text), "%d/stat", process->pid);
    if (length < 0 || parse_stat(text, (size_t)length, &stat) < 0 ||
        stat.start_ticks != process->start_ticks || stat.state == 'Z' || stat.state == 'X')
        return -ESRCH;
    int rc = read_threads(process, proc_fd, vm);
    if (rc == -ESRCH)
        return rc;
    if (vm->vcpu_rows)
        qsort(vm->vcpus, vm->vcpu_rows, sizeof(vm->vcpus[0]), compare_vcpus);
    vm->kind = kind_of(process);
    vm->vcpu_count = vm->vcpu_rows ? (unsigned)vm->vcpu_rows : process->identity.vcpus;
    fill_times(process, &stat, rc == 0, vm);
    fill_disk(process, proc_fd, vm);
    fill_network(process, proc_fd, networks, vm);
    process->readings++;
    return 0;
}

void vm_process_done(struct vm_process *process)
{
    identity_done(&process->identity);
    kvm_stats_close(process->kvm_stats);
    for (size_t i = 0; i < process->thread_count; i++)
        thread_counters_close(&process->threads[i].counters);
    free(process->threads);
    free(process->taps);
    *process = (struct vm_process){0};
}
