/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/counter_check.h"
#include "probe/thread_counts.h"
#include "top/process.h"

#define SHARED_BELOW 0.99 /* of the time: had to share the hardware */
#define MACHINES_MAX 4096

struct counters {
    struct perf_event_attr kinds[2]; /* instructions, cycles */
    struct error why;                /* code 0: they can be used */
    struct error refused;            /* for some machine */
    struct error no_guest;           /* code 0: guest mode can be counted */
    struct thread_counts *by_cpu;    /* NULL: threads have their own */
    struct error no_by_cpu;          /* code 0: nobody has tried */
    unsigned openings;               /* of by_cpu, this one included */
    unsigned machines;               /* that have slots */
    bool taken[MACHINES_MAX];
    bool any_by_thread, any_new;     /* in this reading: threads */
    uint64_t enabled_ns, running_ns; /* of all machines, at this reading and the one before */
    uint64_t was_enabled_ns, was_running_ns;
    char by_thread[1200], shared[128]; /* notes */
};

static const struct {
    const char *name;
    size_t kind;
    bool in_guest;
} events[COUNTERS_PER_THREAD] = {
    {"guest instructions", 0, true},
    {"guest cycles", 1, true},
    {"host instructions", 0, false},
    {"host cycles", 1, false},
};

struct counters *counters_open(const struct perf_event_attr others[2])
{
    static const uint64_t hardware[] = {PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CPU_CYCLES};
    struct counters *counters = mem_zalloc(sizeof(*counters));
    for (size_t i = 0; i < COUNT_OF(hardware); i++)
        counters->kinds[i] =
            others ? others[i]
                   : (struct perf_event_attr){.type = PERF_TYPE_HARDWARE, .config = hardware[i]};
    if (!others)
        (void)!counter_check_trust(&counters->why);
    return counters;
}

void thread_counters_close(struct thread_counters *counters)
{
    for (size_t i = 0; counters->is_open && i < COUNTERS_PER_THREAD; i++)
        fd_cleanup(&counters->fds[i]);
    counters->is_open = false;
}

/* Instructions and cycles of one mode have the hardware at the same times. Those of the host are
 * there also where guest mode is not to be counted. */
static int open_thread(struct counters *all, struct vm_thread *thread, size_t *out_failed)
{
    struct thread_counters *counters = &thread->counters;
    for (size_t i = 0; i < COUNTERS_PER_THREAD; i++) {
        int fd = vcpu_counter_open(&all->kinds[events[i].kind], events[i].in_guest, thread->tid,
                                   events[i].kind ? counters->fds[i - 1] : -1);
        counters->fds[i] = fd;
        counters->last[i] = (struct vcpu_count){.value = 0};
        if (fd >= 0)
            continue;
        counters->fds[i] = -1;
        if (fd == -EOPNOTSUPP && events[i].in_guest) {
            vcpu_counter_refuse("", events[i].name, fd, &all->no_guest);
            continue;
        }
        *out_failed = i;
        while (i > 0)
            fd_cleanup(&counters->fds[--i]);
        return fd;
    }
    counters->is_open = true;
    return 0;
}

void counters_add(struct counter_sums *sums, size_t which, struct vcpu_count *last,
                  const struct vcpu_count *now)
{
    sums->values[which] += vcpu_counter_scale(last, now);
    sums->enabled_ns[which] += now->enabled_ns - last->enabled_ns;
    sums->running_ns[which] += now->running_ns - last->running_ns;
    *last = *now;
}

bool counters_are_starved(const struct counter_sums *before, const struct counter_sums *after,
                          size_t which)
{
    return after->enabled_ns[which] > before->enabled_ns[which] &&
           after->running_ns[which] == before->running_ns[which];
}

/* What the hardware lacks it lacks for all machines; what is forbidden may be so for one. */
static const char *refuse(struct counters *counters, size_t event, int rc)
{
    bool is_for_all = rc == -ENOENT || rc == -ENODEV || rc == -EOPNOTSUPP;
    struct error *err = is_for_all ? &counters->why : &counters->refused;
    if (rc == -EMFILE || rc == -ENFILE)
        error_set(err, ERROR_ENVIRONMENT, rc,
                  "too many files are open for a counter of every vCPU (ulimit -n)");
    else
        vcpu_counter_refuse("", events[event].name, rc, err);
    return err->text;
}

/* NULL; or why it cannot be read. */
static const char *read_thread(struct counters *counters, struct vm_process *process,
                               struct vm_thread *thread)
{
    size_t failed = 0;
    int rc = thread->counters.is_open ? 0 : open_thread(counters, thread, &failed);
    if (rc == -ESRCH)
        return NULL;
    if (rc < 0)
        return refuse(counters, failed, rc);
    for (size_t i = 0; i < COUNTERS_PER_THREAD; i++) {
        struct vcpu_count now;
        if (thread->counters.fds[i] >= 0 && vcpu_counter_read(thread->counters.fds[i], &now) == 0)
            counters_add(&process->counters.sums, i, &thread->counters.last[i], &now);
    }
    return NULL;
}

static const char *read_by_thread(struct counters *counters, struct vm_process *process)
{
    const char *why = NULL;
    for (size_t i = 0; i < process->thread_count && !why; i++)
        if (process->threads[i].accelerator != PARSE_NO_VCPU)
            why = read_thread(counters, process, &process->threads[i]);
    counters->any_by_thread |= !why;
    return why;
}

/* Those of guest mode are the first. */
static size_t first_by_cpu(const struct counters *counters)
{
    return counters->no_guest.code ? COUNTERS_PER_THREAD / 2 : 0;
}

static int open_by_cpu(struct counters *counters)
{
    struct perf_event_attr attributes[COUNTERS_PER_THREAD];
    size_t first = first_by_cpu(counters);
    for (size_t i = first; i < COUNTERS_PER_THREAD; i++)
        attributes[i] =
            vcpu_counter_attributes(&counters->kinds[events[i].kind], events[i].in_guest);
    const struct thread_counts_options options = {.events = attributes + first,
                                                  .count = COUNTERS_PER_THREAD - first,
                                                  .group = COUNT_OF(counters->kinds),
                                                  .slots = MACHINES_MAX};
    return thread_counts_open(&options, &counters->by_cpu, &counters->no_by_cpu);
}

/* Not again where it cannot be; again after they were closed. */
static void try_by_cpu(struct counters *counters)
{
    if (counters->by_cpu || counters->no_by_cpu.code)
        return;
    counters->no_guest = (struct error){0};
    int rc = open_by_cpu(counters);
    if (rc == -EOPNOTSUPP) {
        vcpu_counter_refuse("", events[0].name, rc, &counters->no_guest);
        rc = open_by_cpu(counters);
    }
    if (rc < 0) {
        counters->no_guest = (struct error){0};
        return;
    }
    counters->no_by_cpu = (struct error){0};
    counters->openings++;
}

static void close_by_cpu(struct counters *counters)
{
    thread_counts_close(counters->by_cpu);
    counters->by_cpu = NULL;
    counters->machines = 0;
    memset(counters->taken, 0, sizeof(counters->taken));
}

/* A CPU that came since they were opened has none, one that went took its own along: then they are
 * opened anew. */
void counters_begin(struct counters *counters)
{
    counters->any_by_thread = counters->any_new = false;
    if (counters->by_cpu &&
        (thread_counts_update(counters->by_cpu) < 0 || thread_counts_lost(counters->by_cpu) > 0))
        close_by_cpu(counters);
}

static bool has_slot(const struct counters *counters, const struct vm_counters *vm)
{
    return counters->by_cpu && vm->opening == counters->openings;
}

static int read_slot(const struct counters *counters, const struct vm_counters *vm, size_t event,
                     struct vcpu_count *out_now)
{
    return thread_counts_read(counters->by_cpu, vm->slot, event - first_by_cpu(counters), out_now);
}

/* The slot may have been another machine's: what it has is where this one begins. */
static const char *take_slot(struct counters *counters, struct vm_counters *vm)
{
    unsigned slot = 0;
    while (slot < MACHINES_MAX && counters->taken[slot])
        slot++;
    if (slot == MACHINES_MAX)
        return "more machines are counted already than there is room for";
    vm->slot = slot;
    for (size_t i = first_by_cpu(counters); i < COUNTERS_PER_THREAD; i++)
        if (read_slot(counters, vm, i, &vm->last[i]) < 0)
            return "its counts cannot be read";
    counters->taken[slot] = true;
    counters->machines++;
    vm->opening = counters->openings;
    return NULL;
}

/* What a vCPU's thread starts is none. */
static const char *watch_thread(struct counters *counters, const struct vm_counters *vm,
                                struct vm_thread *thread)
{
    int rc = thread_counts_watch(counters->by_cpu, thread->tid, vm->slot, THREAD_COUNTS_NO_SLOT,
                                 &counters->refused);
    if (rc < 0 && rc != -ESRCH)
        return counters->refused.text;
    thread->counters.watched = counters->openings;
    counters->any_new = true;
    return NULL;
}

static const char *read_by_cpu(struct counters *counters, struct vm_process *process)
{
    struct vm_counters *vm = &process->counters;
    const char *why = has_slot(counters, vm) ? NULL : take_slot(counters, vm);
    for (size_t i = 0; i < process->thread_count && !why; i++) {
        struct vm_thread *thread = &process->threads[i];
        if (thread->accelerator != PARSE_NO_VCPU && thread->counters.watched != counters->openings)
            why = watch_thread(counters, vm, thread);
    }
    for (size_t i = first_by_cpu(counters); i < COUNTERS_PER_THREAD && !why; i++) {
        struct vcpu_count now;
        if (read_slot(counters, vm, i, &now) == 0)
            counters_add(&vm->sums, i, &vm->last[i], &now);
    }
    return why;
}

void counters_forget(struct counters *counters, struct vm_process *process)
{
    struct vm_counters *vm = &process->counters;
    if (!has_slot(counters, vm))
        return;
    for (size_t i = 0; i < process->thread_count; i++)
        if (process->threads[i].counters.watched == counters->openings)
            thread_counts_unwatch(counters->by_cpu, process->threads[i].tid);
    counters->taken[vm->slot] = false;
    vm->opening = 0;
    if (--counters->machines == 0)
        close_by_cpu(counters);
}

static void set_missing(struct vm *vm, const char *why)
{
    for (size_t i = 0; i < COUNTERS_PER_THREAD; i++)
        vm->figures[FIGURE_GUEST_INSTRUCTIONS + i] = figure_missing(why);
}

static const char *explain_kind(const struct vm *vm)
{
    return vm->kind == VM_TCG          ? "QEMU emulates: there is no guest mode to count in"
           : vm->kind == VM_VIRTUALBOX ? "the kernel's counters do not know VirtualBox's guest mode"
           : vm->vcpu_rows == 0        ? "which threads run vCPUs is not known"
                                       : NULL;
}

void counters_read(struct counters *counters, struct vm_process *process, struct vm *vm)
{
    const char *why = explain_kind(vm);
    if (!why && counters->why.code)
        why = counters->why.text;
    struct counter_sums before = process->counters.sums;
    if (!why)
        try_by_cpu(counters);
    if (!why)
        why = counters->by_cpu ? read_by_cpu(counters, process) : read_by_thread(counters, process);
    if (why) {
        set_missing(vm, why);
        return;
    }
    const struct counter_sums *now = &process->counters.sums;
    for (size_t i = 0; i < COUNTERS_PER_THREAD; i++) {
        counters->enabled_ns += now->enabled_ns[i] - before.enabled_ns[i];
        counters->running_ns += now->running_ns[i] - before.running_ns[i];
        const char *lack = NULL;
        if (events[i].in_guest && counters->no_guest.code)
            lack = counters->no_guest.text;
        else if (counters_are_starved(&before, now, i))
            lack = "starved: something else holds the hardware of the counters";
        vm->figures[FIGURE_GUEST_INSTRUCTIONS + i] =
            lack ? figure_missing(lack) : figure_of(now->values[i]);
    }
}

void counters_end(struct counters *counters, struct snapshot *snapshot)
{
    double enabled_ns = (double)(counters->enabled_ns - counters->was_enabled_ns);
    double running_ns = (double)(counters->running_ns - counters->was_running_ns);
    counters->was_enabled_ns = counters->enabled_ns;
    counters->was_running_ns = counters->running_ns;
    if (counters->by_cpu && counters->any_new)
        (void)!thread_counts_update(counters->by_cpu); /* from now on, also those on a CPU */
    if (counters->any_by_thread) {
        snprintf(counters->by_thread, sizeof(counters->by_thread),
                 "vCPUs have counters of their own, which costs the host more at each switch than "
                 "those of CPUs: %s",
                 counters->no_by_cpu.text);
        snapshot_add_note(snapshot, counters->by_thread);
    }
    if (running_ns < SHARED_BELOW * enabled_ns) {
        snprintf(counters->shared, sizeof(counters->shared),
                 "counters had the hardware for %.0f %% of the time: IPC is of that part",
                 100 * running_ns / enabled_ns);
        snapshot_add_note(snapshot, counters->shared);
    }
}

struct counters *counters_close(struct counters *counters)
{
    if (counters)
        close_by_cpu(counters);
    free(counters);
    return NULL;
}
