/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 20)

int procfs_parse_stat(const char *text, struct procfs_stat *out_stat)
{
    const char *after_name = strrchr(text, ')');
    struct procfs_stat stat = {0};
    uint64_t user, system;
    int64_t child_user, child_system;
    int parent;
    if (!after_name || sscanf(after_name + 1,
                              " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                              " %" SCNd64 " %" SCNd64 " %*d %*d %*d %*d %" SCNu64,
                              &stat.state, &parent, &user, &system, &child_user, &child_system,
                              &stat.start_ticks) != 7)
        return -EBADMSG;
    stat.parent = parent;
    stat.cpu_ticks = user + system;
    stat.child_ticks = (uint64_t)(child_user + child_system);
    *out_stat = stat;
    return 0;
}

int procfs_parse_schedstat(const char *text, uint64_t *out_run_ns, uint64_t *out_wait_ns)
{
    uint64_t run_ns, wait_ns;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &run_ns, &wait_ns) != 2)
        return -EBADMSG;
    *out_run_ns = run_ns;
    *out_wait_ns = wait_ns;
    return 0;
}

static int read_text(char **out_text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int read_text(char **out_text, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *path = mem_vprintf(format, ap);
    va_end(ap);
    size_t length;
    return file_read(path, TEXT_MAX, out_text, &length, NULL);
}

int procfs_read_stat(const char *proc, pid_t pid, struct procfs_stat *out_stat)
{
    CLEANUP_FREE char *text = NULL;
    int rc = read_text(&text, "%s/%d/stat", proc, pid);
    return rc < 0 ? rc : procfs_parse_stat(text, out_stat);
}

bool procfs_is_alive(const char *proc, pid_t pid, uint64_t start_ticks)
{
    struct procfs_stat stat;
    return procfs_read_stat(proc, pid, &stat) >= 0 && stat.start_ticks == start_ticks &&
           stat.state != 'Z' && stat.state != 'X';
}

pid_t procfs_next_number(DIR *dir)
{
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (number > 0 && *end == '\0')
            return (pid_t)number;
    }
    return 0;
}

struct process {
    pid_t pid;
    struct procfs_stat stat;
    bool in_tree;
};

static size_t read_processes(DIR *dir, const char *proc, struct process **out_processes)
{
    size_t count = 0, capacity = 0;
    struct process *processes = NULL;
    for (pid_t pid; (pid = procfs_next_number(dir));) {
        struct process process = {.pid = pid};
        if (procfs_read_stat(proc, pid, &process.stat) < 0)
            continue; /* it has just ended */
        MEM_GROW(processes, count, capacity);
        processes[count++] = process;
    }
    *out_processes = processes;
    return count;
}

/* Marks root and, in rounds, every process whose parent is marked. */
static void mark_tree(struct process *processes, size_t count, pid_t root)
{
    bool changed = true;
    for (size_t i = 0; i < count; i++)
        processes[i].in_tree = processes[i].pid == root;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count && !processes[i].in_tree; j++)
                if (processes[j].in_tree && processes[i].stat.parent == processes[j].pid)
                    changed = processes[i].in_tree = true;
    }
}

int procfs_read_tree_cpu(const char *proc, pid_t root, uint64_t *out_cpu_ns, struct error *err)
{
    CLEANUP_DIRECTORY DIR *dir = opendir(proc);
    if (!dir)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", proc);
    CLEANUP_FREE struct process *processes = NULL;
    size_t count = read_processes(dir, proc, &processes);
    mark_tree(processes, count, root);
    uint64_t ticks = 0;
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (!processes[i].in_tree)
            continue;
        found = true;
        ticks += processes[i].stat.cpu_ticks + processes[i].stat.child_ticks;
    }
    if (!found)
        return error_set(err, ERROR_FAILED, -ESRCH, "process %d is not there any more", root);
    *out_cpu_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    return 0;
}

/* QEMU's "CPU 0/KVM"; VirtualBox's "EMT" of a machine with one vCPU, "EMT-0" of others. */
static bool is_vcpu(const char *name)
{
    unsigned number;
    int matched = 0;
    if (strcmp(name, "EMT\n") == 0 || sscanf(name, "EMT-%u", &number) == 1)
        return true;
    return sscanf(name, "CPU %u/%n", &number, &matched) == 1 && matched > 0;
}

static void add_thread(struct procfs_threads *threads, const char *name, uint64_t run_ns,
                       uint64_t wait_ns)
{
    if (is_vcpu(name)) {
        threads->vcpus++;
        threads->vcpu_run_ns += run_ns;
        threads->vcpu_wait_ns += wait_ns;
        return;
    }
    threads->other_run_ns += run_ns;
    threads->other_wait_ns += wait_ns;
}

int procfs_read_threads(const char *proc, pid_t pid, struct procfs_threads *out_threads,
                        struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%d/task", proc, pid);
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    if (!dir)
        return error_set_errno(err, ERROR_FAILED, -errno, "read '%s'", path);
    struct procfs_threads threads = {0};
    for (pid_t tid; (tid = procfs_next_number(dir));) {
        CLEANUP_FREE char *name = NULL;
        CLEANUP_FREE char *schedstat = NULL;
        uint64_t run_ns, wait_ns;
        if (read_text(&name, "%s/%d/comm", path, tid) < 0)
            continue; /* it has just ended */
        if (read_text(&schedstat, "%s/%d/schedstat", path, tid) < 0 ||
            procfs_parse_schedstat(schedstat, &run_ns, &wait_ns) < 0)
            return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                             "read '%s/%d/schedstat': the kernel lacks CONFIG_SCHED_INFO", path,
                             tid);
        add_thread(&threads, name, run_ns, wait_ns);
    }
    *out_threads = threads;
    return 0;
}

static void find_text(const char *proc, const char *file, const char *text,
                      void (*found)(pid_t pid, void *context), void *context)
{
    CLEANUP_DIRECTORY DIR *dir = opendir(proc);
    for (pid_t pid; dir && (pid = procfs_next_number(dir));) {
        CLEANUP_FREE char *path = mem_printf("%s/%d/%s", proc, pid, file);
        CLEANUP_FREE char *line = NULL;
        size_t length;
        if (file_read(path, TEXT_MAX, &line, &length, NULL) >= 0 &&
            memmem(line, length, text, strlen(text)))
            found(pid, context);
    }
}

void procfs_find_command(const char *proc, const char *text,
                         void (*found)(pid_t pid, void *context), void *context)
{
    find_text(proc, "cmdline", text, found, context);
}

void procfs_find_environment(const char *proc, const char *text,
                             void (*found)(pid_t pid, void *context), void *context)
{
    find_text(proc, "environ", text, found, context);
}
