/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/counter_check.h"
#include "top/process.h"

#define SHARED_BELOW 0.99 /* of the time: had to share the hardware */

struct counters {
    struct error why;                /* code 0: they can be used */
    struct error refused;            /* for some machine */
    struct error no_guest;           /* code 0: guest mode can be counted */
    uint64_t enabled_ns, running_ns; /* of all machines, at this reading and the one before */
    uint64_t was_enabled_ns, was_running_ns;
    char note[128];
};

static const struct {
    const char *name;
    uint64_t config;
    bool in_guest;
} events[COUNTERS_PER_THREAD] = {
    {"guest instructions", PERF_COUNT_HW_INSTRUCTIONS, true},
    {"guest cycles", PERF_COUNT_HW_CPU_CYCLES, true},
    {"host instructions", PERF_COUNT_HW_INSTRUCTIONS, false},
    {"host cycles", PERF_COUNT_HW_CPU_CYCLES, false},
};

struct counters *counters_open(void)
{
    struct counters *counters = mem_zalloc(sizeof(*counters));
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
        const struct perf_event_attr event = {.type = PERF_TYPE_HARDWARE,
                                              .config = events[i].config};
        int fd = vcpu_counter_open(&event, events[i].in_guest, thread->tid,
                                   i % 2 ? counters->fds[i - 1] : -1);
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
            counters_add(&process->counters, i, &thread->counters.last[i], &now);
    }
    return NULL;
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
    struct counter_sums before = process->counters;
    for (size_t i = 0; i < process->thread_count && !why; i++)
        if (process->threads[i].accelerator != PARSE_NO_VCPU)
            why = read_thread(counters, process, &process->threads[i]);
    if (why) {
        set_missing(vm, why);
        return;
    }
    const struct counter_sums *now = &process->counters;
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

const char *counters_note(struct counters *counters)
{
    double enabled_ns = (double)(counters->enabled_ns - counters->was_enabled_ns);
    double running_ns = (double)(counters->running_ns - counters->was_running_ns);
    counters->was_enabled_ns = counters->enabled_ns;
    counters->was_running_ns = counters->running_ns;
    counters->note[0] = '\0';
    if (running_ns < SHARED_BELOW * enabled_ns)
        snprintf(counters->note, sizeof(counters->note),
                 "counters had the hardware for %.0f %% of the time: IPC is of that part",
                 100 * running_ns / enabled_ns);
    return counters->note;
}

struct counters *counters_close(struct counters *counters)
{
    free(counters);
    return NULL;
}
