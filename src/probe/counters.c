/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters: the processor's own counters on the threads of virtual CPUs, guest and host apart
 * (perf_event_open(2), exclude_host and exclude_guest).
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "probe/counter_check.h"
#include "probe/probe_list.h"
#include "probe/process.h"

static const struct counter {
    const char *name;
    uint64_t event;
    bool guest;
} counters[] = {
    {"guest_instructions", PERF_COUNT_HW_INSTRUCTIONS, true},
    {"guest_cycles", PERF_COUNT_HW_CPU_CYCLES, true},
    {"host_instructions", PERF_COUNT_HW_INSTRUCTIONS, false},
    {"host_cycles", PERF_COUNT_HW_CPU_CYCLES, false},
};

struct opened {
    unsigned machine;
    size_t counter;
    int fd;
};

struct state {
    struct opened *items;
    size_t count;
    size_t capacity;
};

static int open_counter(const struct counter *counter, pid_t tid)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attributes),
        .config = counter->event,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        .exclude_host = counter->guest,
        .exclude_guest = !counter->guest,
    };
    int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int refuse(int rc, struct error *err)
{
    switch (rc) {
    case -ENOENT:
    case -ENODEV:
    case -EOPNOTSUPP:
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "this host shows no performance counters that tell guest from host");
    case -EACCES:
    case -EPERM:
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "not permitted: needs root, or kernel.perf_event_paranoid below 2; with "
                         "KVM's mediated vPMU counters that include the host are refused");
    default:
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "open a performance counter");
    }
}

static int open_thread(struct state *state, const struct probe_target *target, pid_t tid,
                       struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        int fd = open_counter(&counters[i], tid);
        if (fd == -ESRCH)
            return 0;
        if (fd < 0)
            return refuse(fd, err);
        MEM_GROW(state->items, state->count, state->capacity);
        state->items[state->count++] = (struct opened){target->index, i, fd};
    }
    return 0;
}

static int open_target(struct state *state, const struct probe_target *target, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task", (int)target->pid);
    DIR *dir = opendir(path);
    int rc = 0;
    for (struct dirent *entry; dir && rc >= 0 && (entry = readdir(dir));) {
        CLEANUP_FREE char *file = mem_printf("%s/%s/comm", path, entry->d_name);
        CLEANUP_FREE char *name = NULL;
        if (entry->d_name[0] != '.' && file_read(file, 64, &name, NULL, NULL) >= 0 &&
            thread_role_of(name) == THREAD_VCPU)
            rc = open_thread(state, target, (pid_t)strtol(entry->d_name, NULL, 10), err);
    }
    if (dir)
        closedir(dir);
    return rc;
}

static void close_counters(void *object)
{
    struct state *state = object;
    for (size_t i = 0; i < state->count; i++)
        close(state->items[i].fd);
    free(state->items);
    free(state);
}

static int open_counters(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    struct state *state = mem_zalloc(sizeof(*state));
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= targets[i].is_kvm;
    int rc = any ? counter_check_trust(err) : 0;
    for (size_t i = 0; i < count && rc >= 0; i++)
        if (targets[i].is_kvm)
            rc = open_target(state, &targets[i], err);
    if (rc >= 0 && state->count == 0)
        rc = error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here runs under KVM");
    if (rc < 0)
        close_counters(state);
    else
        *out_state = state;
    return rc;
}

/* Counters that had to share the hardware are scaled up, as perf(1) does, and how long they had it
 * is told. */
static void read_counters(void *object, const struct probe_target *target,
                          struct probe_readings *out)
{
    const struct state *state = object;
    uint64_t sums[COUNT_OF(counters)] = {0}, enabled_ns = 0, running_ns = 0;
    bool any = false;
    for (size_t i = 0; i < state->count; i++) {
        uint64_t values[3]; /* count, enabled, running */
        const struct opened *opened = &state->items[i];
        if (opened->machine != target->index ||
            read(opened->fd, values, sizeof(values)) != sizeof(values))
            continue;
        any = true;
        enabled_ns += values[1];
        running_ns += values[2];
        sums[opened->counter] +=
            values[2] ? (uint64_t)((double)values[0] * (double)values[1] / (double)values[2]) : 0;
    }
    for (size_t i = 0; any && i < COUNT_OF(counters); i++)
        probe_readings_add(out, (int)target->index, sums[i], "counters:%s", counters[i].name);
    if (any) {
        probe_readings_add(out, (int)target->index, enabled_ns, "counters:enabled_ns");
        probe_readings_add(out, (int)target->index, running_ns, "counters:running_ns");
    }
}

const struct probe probe_counters = {
    .name = "counters",
    .help = "Instructions and cycles of virtual CPUs, guest and host apart: perf_event.",
    .open = open_counters,
    .read = read_counters,
    .close = close_counters,
};
