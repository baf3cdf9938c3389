/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters: the processor's own counters on the threads of virtual CPUs, guest and host apart
 * (perf_event_open(2), exclude_host and exclude_guest); on the hypervisor's other threads and on
 * native processes instructions alone. Beside native processes those of the whole host; beside
 * KVM's machines it would be one counter too many there, and the probe `exits` has it.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "machine/procfs.h"
#include "probe/all_cpus.h"
#include "probe/counter_check.h"
#include "probe/event_name.h"
#include "probe/probe_list.h"
#include "probe/process.h"
#include "probe/vcpu_counter.h"

/* Where a counter counts, and which of the events. */
enum place {
    IN_GUEST, /* threads of virtual CPUs, in guest mode */
    IN_HOST,  /* these threads outside of it */
    IN_OTHER, /* all other threads of the hypervisor's process */
    NATIVE,   /* the processes of an instance without a hypervisor */
    PLACE_COUNT,
};
static const char *const place_names[PLACE_COUNT] = {"guest", "host", "other", "native"};

/* Counted natively as well, for the pace of the same work. The first two tell kernel and user mode
 * apart, everywhere but on a virtual CPU's thread in the host, of which the probe `exits` does. */
enum { INSTRUCTIONS, USER_INSTRUCTIONS, CYCLES };

struct event {
    char *name;
    struct perf_event_attr attributes;
};

struct opened {
    unsigned machine;
    size_t event;
    enum place place;
    int fd;
};

struct state {
    struct event *events;
    size_t event_count;
    size_t event_capacity;
    struct opened *items;
    size_t count;
    size_t capacity;
    struct all_cpus whole_host; /* none where not everything may be counted */
};

static bool counts_at(size_t event, enum place place)
{
    switch (place) {
    case IN_GUEST:
        return true;
    case IN_HOST:
        return event != USER_INSTRUCTIONS;
    case NATIVE:
        return event <= CYCLES;
    default:
        return event <= USER_INSTRUCTIONS;
    }
}

static void add_event(struct state *state, const char *name,
                      const struct perf_event_attr *attributes)
{
    MEM_GROW(state->events, state->event_count, state->event_capacity);
    state->events[state->event_count++] = (struct event){mem_strdup(name), *attributes};
}

/* Those that are always counted, and those that the plan names. */
static int find_events(struct state *state, const struct option_texts *named, struct error *err)
{
    const struct perf_event_attr instructions = {.type = PERF_TYPE_HARDWARE,
                                                 .config = PERF_COUNT_HW_INSTRUCTIONS};
    const struct perf_event_attr user_instructions = {
        .type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1};
    const struct perf_event_attr cycles = {.type = PERF_TYPE_HARDWARE,
                                           .config = PERF_COUNT_HW_CPU_CYCLES};
    add_event(state, "instructions", &instructions);
    add_event(state, "user_instructions", &user_instructions);
    add_event(state, "cycles", &cycles);
    for (size_t i = 0; named && i < named->count; i++) {
        struct perf_event_attr attributes = {0};
        int rc = event_name_encode(named->items[i], &attributes, err);
        if (rc < 0)
            return rc;
        add_event(state, named->items[i], &attributes);
    }
    return 0;
}

static int open_counter(const struct event *event, enum place place, pid_t tid)
{
    struct perf_event_attr attributes = event->attributes;
    bool is_vcpu = place == IN_GUEST || place == IN_HOST;
    attributes.size = sizeof(attributes);
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    attributes.exclude_host = place == IN_GUEST;
    attributes.exclude_guest = place == IN_HOST;
    attributes.inherit = !is_vcpu; /* threads and processes that it starts */
    int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_thread(struct state *state, unsigned machine, enum place place, pid_t tid,
                       struct error *err)
{
    for (size_t i = 0; i < state->event_count; i++) {
        const struct event *event = &state->events[i];
        if (!counts_at(i, place))
            continue;
        int fd = open_counter(event, place, tid);
        if (fd == -ESRCH)
            return 0;
        if (fd < 0)
            return vcpu_counter_refuse(event->name, fd, err);
        MEM_GROW(state->items, state->count, state->capacity);
        state->items[state->count++] = (struct opened){machine, i, place, fd};
    }
    return 0;
}

static int open_process(struct state *state, const struct probe_target *target, pid_t pid,
                        struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task", (int)pid);
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    int rc = 0;
    for (pid_t tid; dir && rc >= 0 && (tid = procfs_next_number(dir));) {
        if (!target->is_kvm) {
            rc = open_thread(state, target->index, NATIVE, tid, err);
        } else if (thread_is_vcpu(pid, tid)) {
            rc = open_thread(state, target->index, IN_GUEST, tid, err);
            rc = rc < 0 ? rc : open_thread(state, target->index, IN_HOST, tid, err);
        } else {
            rc = open_thread(state, target->index, IN_OTHER, tid, err);
        }
    }
    return rc;
}

static bool is_counted(const struct probe_target *target)
{
    return target->pid > 0 && (target->is_kvm || !target->is_virtual);
}

static int open_target(struct state *state, const struct probe_target *target, struct error *err)
{
    CLEANUP_FREE pid_t *pids = NULL;
    int rc = 0;
    if (target->is_kvm)
        return open_process(state, target, target->pid, err);
    size_t count = process_find_tree(target->pid, &pids);
    for (size_t i = 0; i < count && rc >= 0; i++)
        rc = open_process(state, target, pids[i], err);
    return rc;
}

/* Who may not count everything counts the rest. */
static void open_whole_host(struct state *state)
{
    struct perf_event_attr attributes = state->events[INSTRUCTIONS].attributes;
    attributes.size = sizeof(attributes);
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    attributes.exclude_guest = 1;
    int rc = all_cpus_open(&attributes, &state->whole_host);
    (void)rc;
}

static void close_counters(void *object)
{
    struct state *state = object;
    all_cpus_close(&state->whole_host);
    for (size_t i = 0; i < state->count; i++)
        close(state->items[i].fd);
    for (size_t i = 0; i < state->event_count; i++)
        free(state->events[i].name);
    free(state->events);
    free(state->items);
    free(state);
}

static int open_counters(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    struct state *state = mem_zalloc(sizeof(*state));
    bool any = false, any_kvm = false;
    for (size_t i = 0; i < count; i++) {
        any |= is_counted(&targets[i]);
        any_kvm |= targets[i].is_kvm;
    }
    int rc = any ? counter_check_trust(err) : 0;
    if (rc >= 0 && any)
        rc = find_events(state, targets[0].events, err);
    for (size_t i = 0; i < count && rc >= 0; i++)
        if (is_counted(&targets[i]))
            rc = open_target(state, &targets[i], err);
    if (rc >= 0 && any && !any_kvm)
        open_whole_host(state);
    if (rc >= 0 && state->count == 0)
        rc = error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                       "no machine here runs under KVM or as processes of this "
                       "host");
    if (rc < 0)
        close_counters(state);
    else
        *out_state = state;
    return rc;
}

struct sum {
    uint64_t value, enabled_ns, running_ns;
};

/* Counters that had to share the hardware are scaled up, as perf(1) does. */
static void add_count(struct sum *sum, const uint64_t *values)
{
    sum->enabled_ns += values[1];
    sum->running_ns += values[2];
    if (values[2])
        sum->value += (uint64_t)((double)values[0] * (double)values[1] / (double)values[2]);
}

static void say_sum(const char *name, const char *where, const struct sum *sum, int machine,
                    struct probe_readings *out)
{
    probe_readings_add(out, machine, sum->value, "counters:%s_%s", where, name);
    probe_readings_add(out, machine, sum->enabled_ns, "counters:%s_%s:enabled_ns", where, name);
    probe_readings_add(out, machine, sum->running_ns, "counters:%s_%s:running_ns", where, name);
}

/* How long each had the hardware is told: less than it was enabled for means that it was shared. */
static void read_event(const struct state *state, const struct probe_target *target, size_t event,
                       enum place place, struct probe_readings *out)
{
    struct sum sum = {0};
    bool any = false;
    for (size_t i = 0; i < state->count; i++) {
        uint64_t values[3]; /* count, enabled, running */
        const struct opened *opened = &state->items[i];
        if (opened->machine != target->index || opened->event != event || opened->place != place ||
            read(opened->fd, values, sizeof(values)) != sizeof(values))
            continue;
        any = true;
        add_count(&sum, values);
    }
    if (any)
        say_sum(state->events[event].name, place_names[place], &sum, (int)target->index, out);
}

static void read_whole_host(const struct state *state, struct probe_readings *out)
{
    struct sum sum = {0};
    for (size_t i = 0; i < state->whole_host.count; i++) {
        uint64_t values[3]; /* count, enabled, running */
        if (read(state->whole_host.items[i].fd, values, sizeof(values)) != sizeof(values))
            return;
        add_count(&sum, values);
    }
    if (state->whole_host.count)
        probe_readings_add(out, -1, sum.value, "counters:whole_host_instructions");
}

static void read_counters(void *object, const struct probe_target *target,
                          struct probe_readings *out)
{
    const struct state *state = object;
    if (target->index == 0)
        read_whole_host(state, out);
    for (size_t i = 0; i < state->event_count; i++)
        for (enum place place = 0; place < PLACE_COUNT; place++)
            read_event(state, target, i, place, out);
}

const struct probe probe_counters = {
    .name = "counters",
    .help = "Instructions, cycles and named events of virtual CPUs, guest and host apart, and "
            "instructions of other threads and native processes: perf_event.",
    .open = open_counters,
    .read = read_counters,
    .close = close_counters,
};
