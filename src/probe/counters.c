/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters: the processor's own counters on the threads of virtual CPUs, guest and host apart
 * (perf_event_open(2), exclude_host and exclude_guest); on the hypervisor's other threads
 * instructions alone, on native processes cycles, too. Beside native processes the instructions of
 * the whole host; beside KVM's machines it would be one counter too many there, and the probe
 * `exits` has it. The counters are those of CPUs, charged to threads (thread_counts.h), or, where
 * that cannot be had, of the threads, which is dearer.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "machine/procfs.h"
#include "probe/all_cpus.h"
#include "probe/count_sum.h"
#include "probe/counter_check.h"
#include "probe/event_name.h"
#include "probe/probe_list.h"
#include "probe/process.h"
#include "probe/thread_counts.h"
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
 * apart, in guest mode and natively. */
enum { INSTRUCTIONS, USER_INSTRUCTIONS, CYCLES };

struct event {
    char *name;
    struct perf_event_attr attributes;
    size_t in_guest, in_host; /* which of the CPUs' counters have it there */
};

/* What threads are counted as, of each machine: by slots of the CPUs' counters. */
enum slot { SLOT_VCPUS, SLOT_OTHERS, SLOT_COUNT };

struct item {
    unsigned machine;
    size_t event;
    enum place place;
    int fd; /* -1: of the CPUs' counters */
    struct count_track track;
};

struct machine_state {
    struct error no_guest; /* code 0: guest mode is counted, where there is one */
    uint64_t guest_ticks;  /* of its process in guest mode, when it was read before */
    bool was_read;
};

struct state {
    struct machine_state *machines; /* one for each target */
    size_t machine_count;
    bool has_begun; /* the next reading is of an end */
    struct event *events;
    size_t event_count;
    size_t event_capacity;
    struct thread_counts *by_cpu; /* NULL: each thread has its own */
    struct error no_by_cpu;       /* why */
    struct item *items;
    size_t count;
    size_t capacity;
    bool is_behind;             /* sums of CPUs' counters could not be brought up to now */
    struct all_cpus whole_host; /* none where not everything may be counted */
    struct error no_whole_host; /* why */
    struct count_track *whole_host_tracks;
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
        return event == INSTRUCTIONS;
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
    struct perf_event_attr attributes =
        vcpu_counter_attributes(&event->attributes, place == IN_GUEST);
    bool is_vcpu = place == IN_GUEST || place == IN_HOST;
    attributes.inherit = !is_vcpu; /* threads and processes that it starts */
    int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void add_item(struct state *state, unsigned machine, size_t event, enum place place, int fd)
{
    MEM_GROW(state->items, state->count, state->capacity);
    state->items[state->count++] =
        (struct item){.machine = machine, .event = event, .place = place, .fd = fd};
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
            return vcpu_counter_refuse("", event->name, fd, err);
        add_item(state, machine, i, place, fd);
    }
    return 0;
}

/* What the host executes is counted also where guest mode is not to be had. */
static int open_vcpu(struct state *state, unsigned machine, pid_t tid, struct error *err)
{
    struct error why = {0};
    int rc = open_thread(state, machine, IN_GUEST, tid, &why);
    if (rc == -EOPNOTSUPP)
        state->machines[machine].no_guest = why;
    else if (rc < 0 && err)
        *err = why;
    return rc < 0 && rc != -EOPNOTSUPP ? rc : open_thread(state, machine, IN_HOST, tid, err);
}

static enum place place_of(const struct probe_target *target, pid_t pid, pid_t tid)
{
    if (!target->is_kvm)
        return NATIVE;
    return thread_is_vcpu(pid, tid) ? IN_GUEST : IN_OTHER;
}

/* What a virtual CPU's thread starts is none. */
static int watch_thread(struct state *state, unsigned machine, enum place place, pid_t tid,
                        struct error *err)
{
    unsigned first = machine * SLOT_COUNT;
    enum slot slot = place == IN_GUEST ? SLOT_VCPUS : SLOT_OTHERS;
    int rc = thread_counts_watch(state->by_cpu, tid, first + slot, first + SLOT_OTHERS, err);
    return rc == -ESRCH ? 0 : rc;
}

static int open_process(struct state *state, const struct probe_target *target, pid_t pid,
                        struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task", (int)pid);
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    int rc = 0;
    for (pid_t tid; dir && rc >= 0 && (tid = procfs_next_number(dir));) {
        enum place place = place_of(target, pid, tid);
        if (state->by_cpu)
            rc = watch_thread(state, target->index, place, tid, err);
        else if (place == IN_GUEST)
            rc = open_vcpu(state, target->index, tid, err);
        else
            rc = open_thread(state, target->index, place, tid, err);
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

/* Counters on each CPU for what the places need. Without guest mode, if need be: -EOPNOTSUPP. */
static int open_by_cpu(struct state *state, bool any_kvm, bool with_guest, struct error *err)
{
    CLEANUP_FREE struct perf_event_attr *attributes =
        mem_array(2 * state->event_count, sizeof(*attributes));
    size_t count = 0;
    for (size_t i = 0; i < state->event_count; i++) {
        struct event *event = &state->events[i];
        if (any_kvm && with_guest) {
            event->in_guest = count;
            attributes[count++] = vcpu_counter_attributes(&event->attributes, true);
        }
        if (counts_at(i, any_kvm ? IN_HOST : NATIVE)) {
            event->in_host = count;
            attributes[count++] = vcpu_counter_attributes(&event->attributes, false);
        }
    }
    const struct thread_counts_options options = {
        .events = attributes, .count = count, .slots = (unsigned)state->machine_count * SLOT_COUNT};
    return thread_counts_open(&options, &state->by_cpu, err);
}

/* Which of the CPUs' counters are for which machine, and where. */
static void add_items(struct state *state, const struct probe_target *target)
{
    for (enum place place = 0; place < PLACE_COUNT; place++) {
        bool is_absent = target->is_kvm ? place == NATIVE : place != NATIVE;
        if (is_absent || (place == IN_GUEST && state->machines[target->index].no_guest.code))
            continue;
        for (size_t i = 0; i < state->event_count; i++)
            if (counts_at(i, place))
                add_item(state, target->index, i, place, -1);
    }
}

/* -EOPNOTSUPP: none is there for guest mode. */
static int try_guest(const struct state *state)
{
    struct perf_event_attr attributes =
        vcpu_counter_attributes(&state->events[INSTRUCTIONS].attributes, true);
    struct all_cpus cpus;
    int rc = all_cpus_open(&attributes, NULL, &cpus);
    all_cpus_close(&cpus);
    return rc;
}

/* Where there are none, the threads get counters of their own. Guest mode is tried first: without
 * it there is room for more events. */
static void find_by_cpu(struct state *state, const struct probe_target *targets, bool any_kvm)
{
    struct error no_guest = {0};
    int rc = any_kvm ? try_guest(state) : 0;
    if (rc != -EOPNOTSUPP)
        rc = open_by_cpu(state, any_kvm, true, &state->no_by_cpu);
    if (rc == -EOPNOTSUPP && any_kvm) {
        vcpu_counter_refuse("", state->events[INSTRUCTIONS].name, rc, &no_guest);
        rc = open_by_cpu(state, any_kvm, false, &state->no_by_cpu);
    }
    for (size_t i = 0; i < state->machine_count && rc >= 0; i++) {
        state->machines[targets[i].index].no_guest = no_guest;
        if (is_counted(&targets[i]))
            add_items(state, &targets[i]);
    }
}

/* Who may not count everything counts the rest. */
static void open_whole_host(struct state *state)
{
    struct perf_event_attr attributes =
        vcpu_counter_attributes(&state->events[INSTRUCTIONS].attributes, false);
    int rc = all_cpus_open(&attributes, NULL, &state->whole_host);
    if (rc == -EACCES || rc == -EPERM)
        error_set(&state->no_whole_host, ERROR_ENVIRONMENT, rc,
                  "not permitted to count everything: needs root, or kernel.perf_event_paranoid "
                  "below 1");
    else if (rc < 0)
        vcpu_counter_refuse("", state->events[INSTRUCTIONS].name, rc, &state->no_whole_host);
    state->whole_host_tracks =
        mem_array(state->whole_host.count + 1, sizeof(*state->whole_host_tracks));
}

static void close_counters(void *object)
{
    struct state *state = object;
    all_cpus_close(&state->whole_host);
    thread_counts_close(state->by_cpu);
    for (size_t i = 0; i < state->count; i++)
        if (state->items[i].fd >= 0)
            close(state->items[i].fd);
    for (size_t i = 0; i < state->event_count; i++)
        free(state->events[i].name);
    free(state->events);
    free(state->items);
    free(state->whole_host_tracks);
    free(state->machines);
    free(state);
}

/* Those that are on a CPU now. */
static int mark_running(const struct thread_counts *counts, struct error *err)
{
    int rc = thread_counts_update(counts);
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc,
                                    "look at threads that are on a CPU by a BPF program")
                  : 0;
}

static int open_counters(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    struct state *state = mem_zalloc(sizeof(*state));
    state->machines = mem_array(count + 1, sizeof(*state->machines));
    state->machine_count = count;
    bool any = false, any_kvm = false;
    for (size_t i = 0; i < count; i++) {
        any |= is_counted(&targets[i]);
        any_kvm |= targets[i].is_kvm;
    }
    int rc = any ? counter_check_trust(err) : 0;
    if (rc >= 0 && any)
        rc = find_events(state, targets[0].events, err);
    if (rc >= 0 && any)
        find_by_cpu(state, targets, any_kvm);
    for (size_t i = 0; i < count && rc >= 0; i++)
        if (is_counted(&targets[i]))
            rc = open_target(state, &targets[i], err);
    if (rc >= 0 && state->by_cpu)
        rc = mark_running(state->by_cpu, err);
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

static int read_item(const struct state *state, const struct item *item, struct vcpu_count *out)
{
    const struct event *event = &state->events[item->event];
    bool is_vcpu = item->place == IN_GUEST || item->place == IN_HOST;
    if (item->fd >= 0)
        return vcpu_counter_read(item->fd, out);
    return thread_counts_read(state->by_cpu,
                              item->machine * SLOT_COUNT + (is_vcpu ? SLOT_VCPUS : SLOT_OTHERS),
                              item->place == IN_GUEST ? event->in_guest : event->in_host, out);
}

/* false: nothing of it was read. */
static bool sum_event(struct state *state, unsigned machine, size_t event, enum place place,
                      struct count_sum *sum)
{
    bool any = false;
    for (size_t i = 0; i < state->count; i++) {
        struct vcpu_count now;
        struct item *item = &state->items[i];
        if (item->machine != machine || item->event != event || item->place != place ||
            read_item(state, item, &now) < 0)
            continue;
        any = true;
        count_sum_add(sum, &item->track, &now);
    }
    return any;
}

static void read_whole_host(struct state *state, struct probe_readings *out)
{
    static const char name[] = "counters:whole_host_instructions";
    struct count_sum sum = {0};
    char text[160];
    if (state->no_whole_host.code)
        probe_readings_miss(out, -1, name, "%s", state->no_whole_host.text);
    for (size_t i = 0; i < state->whole_host.count; i++) {
        struct vcpu_count now;
        int rc = vcpu_counter_read(state->whole_host.items[i].fd, &now);
        if (rc < 0) {
            probe_readings_miss(out, -1, name, "read the counter of CPU %u: %s",
                                state->whole_host.items[i].cpu, strerror(-rc));
            return;
        }
        count_sum_add(&sum, &state->whole_host_tracks[i], &now);
    }
    if (state->whole_host.count)
        count_sum_say(&sum, count_sum_doubt(&sum, 0, text, sizeof(text)), -1, name, out);
}

/* For how long, at least, a machine was in guest mode since it was read before: the kernel looks at
 * each tick. */
static uint64_t take_guest_time(struct machine_state *machine, pid_t pid)
{
    struct process_stat stat;
    if (process_read_stat("/proc", pid, &stat) < 0)
        return 0;
    uint64_t ticks = machine->was_read && stat.guest_ticks > machine->guest_ticks
                         ? stat.guest_ticks - machine->guest_ticks
                         : 0;
    machine->guest_ticks = stat.guest_ticks;
    machine->was_read = true;
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void miss_guest(const struct state *state, const struct probe_target *target,
                       struct probe_readings *out)
{
    const struct error *why = &state->machines[target->index].no_guest;
    for (size_t i = 0; i < state->event_count; i++) {
        CLEANUP_FREE char *name =
            mem_printf("counters:%s_%s", place_names[IN_GUEST], state->events[i].name);
        probe_readings_miss(out, (int)target->index, name, "%s", why->text);
    }
}

/* ran_ns: in the place. Other events than these two may not have happened, unless nothing is
 * counted at all. */
static void read_place(struct state *state, const struct probe_target *target, enum place place,
                       uint64_t ran_ns, struct probe_readings *out)
{
    bool stands = false;
    for (size_t event = 0; event < state->event_count; event++) {
        struct count_sum sum = {0};
        char text[160];
        if (!sum_event(state, target->index, event, place, &sum))
            continue;
        if (event == INSTRUCTIONS)
            stands = sum.moved == 0;
        bool must_move = event == INSTRUCTIONS || event == CYCLES || stands;
        const char *doubt = count_sum_doubt(&sum, must_move ? ran_ns : 0, text, sizeof(text));
        CLEANUP_FREE char *name =
            mem_printf("counters:%s_%s", place_names[place], state->events[event].name);
        if (state->by_cpu && thread_counts_lost(state->by_cpu))
            doubt = "a CPU's counter could not be read now and then";
        if (state->is_behind)
            doubt = "what threads that are on a CPU have done until now could not be counted";
        count_sum_say(&sum, doubt, (int)target->index, name, out);
    }
}

/* Brings the sums up to now, or says that there are none of this kind. */
static void read_by_cpu(struct state *state, struct probe_readings *out)
{
    int rc = state->by_cpu ? thread_counts_update(state->by_cpu) : 0;
    state->is_behind = rc < 0;
    if (rc < 0)
        probe_readings_miss(out, -1, "counters:by_cpu", "%s", strerror(-rc));
    else if (!state->by_cpu)
        probe_readings_miss(out, -1, "counters:by_cpu",
                            "each thread has counters of its own, and what it costs to exchange "
                            "them at each switch nobody counts: %s",
                            state->no_by_cpu.text);
}

/* The whole host is counted innermost, as `emulator`, which it is held against, does: reading the
 * threads' counters costs instructions, too. */
static void read_counters(void *object, const struct probe_target *target,
                          struct probe_readings *out)
{
    struct state *state = object;
    struct machine_state *machine = &state->machines[target->index];
    bool is_begin = !state->has_begun;
    if (target->index == 0 && !is_begin)
        read_whole_host(state, out);
    if (target->index == 0)
        read_by_cpu(state, out);
    uint64_t guest_ns = target->is_kvm ? take_guest_time(machine, target->pid) : 0;
    for (enum place place = 0; place < PLACE_COUNT; place++)
        if (place == IN_GUEST && machine->no_guest.code)
            miss_guest(state, target, out);
        else
            read_place(state, target, place, place == IN_GUEST ? guest_ns : 0, out);
    if (target->index + 1 < state->machine_count)
        return;
    if (is_begin)
        read_whole_host(state, out);
    state->has_begun = is_begin;
}

const struct probe probe_counters = {
    .name = "counters",
    .help = "Instructions, cycles and named events of virtual CPUs, guest and host apart, and "
            "instructions of other threads and native processes: perf_event.",
    .open = open_counters,
    .read = read_counters,
    .close = close_counters,
};
