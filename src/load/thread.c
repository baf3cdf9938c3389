/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"

#define SHOW_EVERY_NS NS_PER_S
#define SLICE_NS (100 * UINT64_C(1000)) /* the shortest that the kernel takes */
#define LOOK_EVERY_NS (50 * NS_PER_MS)  /* for a Ctrl-C */

static void gate_init(struct load_gate *gate, unsigned expected)
{
    *gate = (struct load_gate){.expected = expected};
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void gate_done(struct load_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

void load_gate_arrive(struct load_gate *gate, enum load_arrival arrival)
{
    pthread_mutex_lock(&gate->mutex);
    gate->arrived++;
    gate->ready += arrival == LOAD_ARRIVAL_READY;
    gate->failed = gate->failed || arrival == LOAD_ARRIVAL_FAILED;
    gate->decided = gate->arrived == gate->expected;
    if (gate->decided)
        gate->start_ns = clock_monotonic_ns();
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static bool is_passed(const struct load_gate *gate)
{
    return !gate->failed && gate->ready > 0 && !load_gate_is_stopped(gate);
}

bool load_gate_wait(struct load_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (!gate->decided)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    bool passed = is_passed(gate);
    pthread_mutex_unlock(&gate->mutex);
    return passed;
}

void load_gate_leave(struct load_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->left++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

/* Waits for a change, at most until until_ns. */
static void wait_until(struct load_gate *gate, uint64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};
    pthread_cond_timedwait(&gate->changed, &gate->mutex, &until);
}

static void stop(struct load_gate *gate)
{
    __atomic_store_n(&gate->stopped, true, __ATOMIC_RELAXED);
}

/* Asks whoever shows progress; called with the mutex locked. */
static bool is_enough(struct load_threads *threads, uint64_t elapsed_ns)
{
    if (!threads->passed || !threads->enough)
        return false;
    pthread_mutex_unlock(&threads->gate->mutex);
    bool enough = threads->enough(threads->show_context, elapsed_ns);
    pthread_mutex_lock(&threads->gate->mutex);
    return enough;
}

/* Returns when all threads have left. */
static void watch(struct load_threads *threads)
{
    struct load_gate *gate = threads->gate;
    uint64_t start_ns = 0, next_show_ns = UINT64_MAX;
    pthread_mutex_lock(&gate->mutex);
    while (gate->left < threads->count) {
        uint64_t now_ns = clock_monotonic_ns();
        if (gate->decided && !start_ns) {
            threads->passed = is_passed(gate);
            start_ns = now_ns;
            next_show_ns = start_ns + SHOW_EVERY_NS;
        }
        if (interrupt_requested() || is_enough(threads, now_ns - start_ns))
            stop(gate);
        if (now_ns >= next_show_ns && threads->passed && threads->show) {
            next_show_ns += SHOW_EVERY_NS;
            pthread_mutex_unlock(&gate->mutex);
            threads->show(threads->show_context, now_ns - start_ns);
            pthread_mutex_lock(&gate->mutex);
            continue;
        }
        uint64_t look_ns = now_ns + LOOK_EVERY_NS;
        wait_until(gate, look_ns < next_show_ns ? look_ns : next_show_ns);
    }
    pthread_mutex_unlock(&gate->mutex);
}

int load_threads_run(struct load_threads *threads, struct error *err)
{
    CLEANUP_FREE pthread_t *handles = mem_array(threads->count, sizeof(handles[0]));
    struct load_gate *gate = threads->gate;
    gate_init(gate, threads->count);
    threads->passed = false;
    unsigned started = 0;
    int rc = 0;
    for (; started < threads->count && rc == 0; started += rc == 0) {
        char *thread = (char *)threads->threads + started * threads->thread_bytes;
        rc = pthread_create(&handles[started], NULL, threads->run, thread);
    }
    /* Those that could not be started arrive and leave in effigy, so that the others end. */
    for (unsigned i = started; i < threads->count; i++) {
        load_gate_arrive(gate, LOAD_ARRIVAL_FAILED);
        load_gate_leave(gate);
    }
    watch(threads);
    for (unsigned i = 0; i < started; i++)
        pthread_join(handles[i], NULL);
    gate_done(gate);
    return rc == 0 ? 0
                   : error_set_errno(err, ERROR_ENVIRONMENT, -rc, "start load thread %u", started);
}

void *load_threads_alloc(unsigned count, size_t thread_bytes)
{
    void *memory = aligned_alloc(LOAD_THREAD_ALIGNMENT, count * thread_bytes);
    if (!memory)
        abort(); /* out of memory, as in mem.h */
    return memset(memory, 0, count * thread_bytes);
}

int load_thread_pin(const uint64_t *cpus, size_t count, unsigned index, struct error *err)
{
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (count == 0)
        return 0;
    uint64_t cpu = cpus[index % count];
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        return error_set_errno(err, ERROR_USAGE, -errno, "pin load thread to CPU %" PRIu64, cpu);
    return 0;
}

/* The kernel's struct sched_attr (sched_setattr(2)), whose header goes badly with <sched.h>. */
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; /* of an ordinary thread: its slice */
    uint64_t deadline_ns;
    uint64_t period_ns;
};

void load_thread_hurry(void)
{
    /* A short slice is an early deadline (Linux 6.12, before it is ignored): among busy vCPU
     * threads the nice value alone leaves a thread 10 to 30 ms late now and then. Not real-time
     * scheduling, which leaves a thread where it was, though it be the CPU of the machine under
     * test and another one idle. */
    struct scheduling attr = {
        .size = sizeof(attr), .policy = SCHED_OTHER, .nice = -20, .runtime_ns = SLICE_NS};
    if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
        setpriority(PRIO_PROCESS, 0, -20); /* 0: this thread alone, in Linux */
}

uint64_t load_thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}
