/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/process.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "machine/procfs.h"
#include "probe/probe_list.h"

#define TEXT_MAX ((size_t)1 << 16)
#define DEPTH_MAX 64
#define GUEST_TIME_FIELD 43 /* of /proc/PID/stat, proc(5) */

const char *const thread_role_names[THREAD_ROLE_COUNT] = {
    [THREAD_VCPU] = "vcpu", [THREAD_IO] = "io", [THREAD_EMULATOR] = "emulator"};

/* From the field after the program's name, number 3. */
static const char *find_field(const char *after_name, unsigned number)
{
    for (unsigned at = 2; after_name && at < number; at++) {
        after_name = strchr(after_name, ' ');
        after_name += after_name ? 1 : 0;
    }
    return after_name;
}

int process_parse_stat(const char *text, size_t length, struct process_stat *out_stat)
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    const char *after_name = strrchr(copy, ')');
    struct process_stat stat = {0};
    uint64_t minor, major, user, system;
    int parent;
    if (!after_name || sscanf(after_name + 1,
                              " %*c %d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64 " %" SCNu64
                              " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                              &parent, &stat.minor_faults, &minor, &stat.major_faults, &major,
                              &stat.user_ticks, &stat.system_ticks, &user, &system) != 9)
        return -EBADMSG;
    const char *guest = find_field(after_name, GUEST_TIME_FIELD);
    if (!guest || sscanf(guest, "%" SCNu64, &stat.guest_ticks) != 1)
        stat.guest_ticks = 0;
    stat.parent = parent;
    stat.minor_faults += minor;
    stat.major_faults += major;
    stat.user_ticks += user;
    stat.system_ticks += system;
    *out_stat = stat;
    return 0;
}

int process_parse_field(const char *text, size_t length, const char *key, uint64_t *out_value)
{
    size_t key_length = strlen(key);
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next : end;
        if ((size_t)(next - line) > key_length && memcmp(line, key, key_length) == 0 &&
            strchr(": \t", line[key_length])) {
            CLEANUP_FREE char *rest =
                mem_strndup(line + key_length + 1, (size_t)(next - line) - key_length - 1);
            return sscanf(rest, " %" SCNu64, out_value) == 1 ? 0 : -EBADMSG;
        }
        line = next + 1;
    }
    return -ENOENT;
}

/* As QEMU names them with debug-threads=on, which libvirt sets ("ALL CPUs/TCG" where one thread
 * emulates all), and VirtualBox ("EMT" of a machine with one vCPU, "EMT-0" of others). */
enum thread_role thread_role_of(const char *name)
{
    if (strncmp(name, "CPU ", 4) == 0 || strncmp(name, "ALL CPUs/", 9) == 0)
        return THREAD_VCPU;
    if (strncmp(name, "EMT", 3) == 0 && (!name[3] || name[3] == '-' || name[3] == '\n'))
        return THREAD_VCPU;
    if (strncmp(name, "IO ", 3) == 0 || strncmp(name, "iou-", 4) == 0 ||
        strncmp(name, "worker", 6) == 0)
        return THREAD_IO;
    return THREAD_EMULATOR;
}

bool thread_is_vcpu(pid_t pid, pid_t tid)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task/%d/comm", (int)pid, (int)tid);
    CLEANUP_FREE char *name = NULL;
    return file_read(path, 64, &name, NULL, NULL) >= 0 && thread_role_of(name) == THREAD_VCPU;
}

static int read_text(char **out_text, size_t *out_length, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int read_text(char **out_text, size_t *out_length, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *path = mem_vprintf(format, ap);
    va_end(ap);
    return file_read(path, TEXT_MAX, out_text, out_length, NULL);
}

int process_read_stat(const char *proc, pid_t pid, struct process_stat *out_stat)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = read_text(&text, &length, "%s/%d/stat", proc, (int)pid);
    return rc < 0 ? rc : process_parse_stat(text, length, out_stat);
}

struct role_sum {
    uint64_t run_ns;
    uint64_t wait_ns;
    uint64_t voluntary;
    uint64_t involuntary;
    uint64_t threads;
    bool is_untimed; /* the kernel does not tell how long one of them ran */
};

/* Of one thread that is still there; false: it is not told. Kernels without these statistics have
 * no such file, or 0 in it, also of slices: *slices gets those. */
static bool add_times(const char *task, pid_t tid, struct role_sum *sum, uint64_t *slices)
{
    CLEANUP_FREE char *schedstat = NULL;
    size_t length;
    uint64_t run_ns, wait_ns, count;
    if (read_text(&schedstat, &length, "%s/%d/schedstat", task, tid) < 0 ||
        sscanf(schedstat, "%" SCNu64 " %" SCNu64 " %" SCNu64, &run_ns, &wait_ns, &count) != 3)
        return false;
    sum->run_ns += run_ns;
    sum->wait_ns += wait_ns;
    *slices += count;
    return true;
}

static void add_thread(const char *task, pid_t tid, struct role_sum *sums, uint64_t *slices)
{
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *status = NULL;
    CLEANUP_FREE char *thread = mem_printf("%s/%d", task, (int)tid);
    size_t length, status_length;
    uint64_t count;
    if (read_text(&name, &length, "%s/comm", thread) < 0 ||
        read_text(&status, &status_length, "%s/status", thread) < 0)
        return; /* it has just ended */
    struct role_sum *sum = &sums[thread_role_of(name)];
    sum->threads++;
    if (!add_times(task, tid, sum, slices))
        sum->is_untimed |= file_exists(thread);
    if (process_parse_field(status, status_length, "voluntary_ctxt_switches", &count) == 0)
        sum->voluntary += count;
    if (process_parse_field(status, status_length, "nonvoluntary_ctxt_switches", &count) == 0)
        sum->involuntary += count;
}

static void say_time(const struct role_sum *sum, uint64_t ns, int machine, const char *name,
                     struct probe_readings *out)
{
    if (sum->is_untimed)
        probe_readings_miss(out, machine, name,
                            "/proc/PID/task/TID/schedstat tells nothing: the kernel lacks "
                            "CONFIG_SCHED_INFO");
    else
        probe_readings_add(out, machine, ns, "%s", name);
}

void process_read_threads(const char *proc, pid_t pid, int machine, struct probe_readings *out)
{
    CLEANUP_FREE char *task = mem_printf("%s/%d/task", proc, (int)pid);
    CLEANUP_DIRECTORY DIR *dir = opendir(task);
    struct role_sum sums[THREAD_ROLE_COUNT] = {0};
    uint64_t slices = 0;
    for (pid_t tid; dir && (tid = procfs_next_number(dir));)
        add_thread(task, tid, sums, &slices);
    for (size_t i = 0; i < THREAD_ROLE_COUNT; i++) {
        const char *role = thread_role_names[i];
        CLEANUP_FREE char *run = mem_printf("process:%s_run_ns", role);
        CLEANUP_FREE char *wait = mem_printf("process:%s_wait_ns", role);
        if (sums[i].threads == 0)
            continue;
        sums[i].is_untimed |= slices == 0; /* something of it must have run */
        say_time(&sums[i], sums[i].run_ns, machine, run, out);
        say_time(&sums[i], sums[i].wait_ns, machine, wait, out);
        probe_readings_add(out, machine, sums[i].voluntary, "process:%s_sleeps", role);
        probe_readings_add(out, machine, sums[i].involuntary, "process:%s_preempted", role);
    }
}

struct member {
    pid_t pid;
    struct process_stat stat;
};

static bool is_below(const struct member *members, size_t count, pid_t pid, pid_t root)
{
    for (int depth = 0; depth < DEPTH_MAX && pid != root; depth++) {
        size_t at = 0;
        while (at < count && members[at].pid != pid)
            at++;
        if (at == count)
            return false;
        pid = members[at].stat.parent;
    }
    return pid == root;
}

/* All processes of this host; the caller's to free. */
static size_t list_all(struct member **out_members)
{
    CLEANUP_DIRECTORY DIR *dir = opendir("/proc");
    struct member *members = NULL;
    size_t count = 0, capacity = 0;
    for (pid_t pid; dir && (pid = procfs_next_number(dir));) {
        struct member member = {.pid = pid};
        if (process_read_stat("/proc", pid, &member.stat) < 0)
            continue;
        MEM_GROW(members, count, capacity);
        members[count++] = member;
    }
    *out_members = members;
    return count;
}

size_t process_find_tree(pid_t root, pid_t **out_pids)
{
    CLEANUP_FREE struct member *members = NULL;
    size_t count = list_all(&members), found = 0;
    *out_pids = mem_array(count + 1, sizeof(**out_pids));
    for (size_t i = 0; i < count; i++)
        if (is_below(members, count, members[i].pid, root))
            (*out_pids)[found++] = members[i].pid;
    return found;
}

/* Of the process and everything below it. */
static void read_tree(const struct probe_target *target, struct probe_readings *out)
{
    CLEANUP_FREE struct member *members = NULL;
    size_t count = list_all(&members);
    struct process_stat sum = {0};
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_below(members, count, members[i].pid, target->pid))
            continue;
        found++;
        sum.user_ticks += members[i].stat.user_ticks;
        sum.system_ticks += members[i].stat.system_ticks;
        sum.minor_faults += members[i].stat.minor_faults;
        sum.major_faults += members[i].stat.major_faults;
    }
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    int machine = (int)target->index;
    if (found == 0) {
        probe_readings_miss(out, machine, "process", "its process %d is not there any more",
                            (int)target->pid);
        return;
    }
    probe_readings_add(out, machine, sum.user_ticks * tick_ns, "process:user_ns");
    probe_readings_add(out, machine, sum.system_ticks * tick_ns, "process:system_ns");
    probe_readings_add(out, machine, sum.minor_faults, "process:minor_faults");
    probe_readings_add(out, machine, sum.major_faults, "process:major_faults");
}

static const char *const disk_keys[] = {"read_bytes", "write_bytes"};

/* false: it is there, and does not tell. */
static bool add_disk(pid_t pid, uint64_t sums[COUNT_OF(disk_keys)])
{
    CLEANUP_FREE char *process = mem_printf("/proc/%d", (int)pid);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    uint64_t values[COUNT_OF(disk_keys)];
    if (read_text(&text, &length, "%s/io", process) < 0)
        return !file_exists(process);
    for (size_t i = 0; i < COUNT_OF(disk_keys); i++)
        if (process_parse_field(text, length, disk_keys[i], &values[i]) < 0)
            return false;
    for (size_t i = 0; i < COUNT_OF(disk_keys); i++)
        sums[i] += values[i];
    return true;
}

/* Of the process and everything below it: a native instance's work is in its children. */
static void read_disk(const struct probe_target *target, struct probe_readings *out)
{
    CLEANUP_FREE pid_t *pids = NULL;
    size_t count = process_find_tree(target->pid, &pids);
    uint64_t sums[COUNT_OF(disk_keys)] = {0};
    bool known = count > 0;
    for (size_t i = 0; i < count; i++)
        known &= add_disk(pids[i], sums);
    for (size_t i = 0; i < COUNT_OF(disk_keys); i++) {
        CLEANUP_FREE char *name = mem_printf("process:disk_%s", disk_keys[i]);
        if (known)
            probe_readings_add(out, (int)target->index, sums[i], "%s", name);
        else
            probe_readings_miss(out, (int)target->index, name,
                                "/proc/PID/io is not to be read by us (needs root)");
    }
}

static int open_process(const struct probe_target *targets, size_t count, void **out_state,
                        struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].pid > 0)
            return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine has a process on this host");
}

static void read_process(void *state, const struct probe_target *target, struct probe_readings *out)
{
    (void)state;
    if (target->pid <= 0)
        return;
    if (target->is_virtual)
        process_read_threads("/proc", target->pid, (int)target->index, out);
    read_tree(target, out);
    read_disk(target, out);
}

const struct probe probe_process = {
    .name = "process",
    .help = "Threads by role: running, waiting, switches; faults; disk: /proc of the host.",
    .open = open_process,
    .read = read_process,
};
