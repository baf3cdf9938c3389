/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/counter_check.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "probe/known_loop.h"

static const struct event {
    const char *name;
    uint64_t config;
    unsigned per_round; /* 0: not known */
} events[COUNTER_EVENTS] = {
    {"instructions", PERF_COUNT_HW_INSTRUCTIONS, KNOWN_LOOP_INSTRUCTIONS},
    {"branches", PERF_COUNT_HW_BRANCH_INSTRUCTIONS, KNOWN_LOOP_BRANCHES},
    {"cycles", PERF_COUNT_HW_CPU_CYCLES, 0},
    {"branch-misses", PERF_COUNT_HW_BRANCH_MISSES, 0},
};

/* A loop without a surprise has hardly any misses: standing still is right for them. */
static bool must_move(const struct counter_sample *sample)
{
    return strcmp(sample->event, "branch-misses") != 0;
}

static enum counter_verdict judge_count(const struct counter_sample *sample, char *text,
                                        size_t size)
{
    double share = (double)sample->running_ns / (double)sample->enabled_ns;
    double count = (double)sample->count / share;
    double off = fabs(count - (double)sample->expected);
    double room = (double)sample->expected * COUNTER_CHECK_SHARE + COUNTER_CHECK_CALLS;
    bool shared = share < 0.999;
    if (sample->expected && off > (shared ? 20 * room : room)) {
        snprintf(text, size,
                 "counts, but wrong: %.0f of a loop that has %" PRIu64 ": not to be used", count,
                 sample->expected);
        return COUNTER_WRONG;
    }
    if (shared) {
        snprintf(text, size, "multiplexed: it had the hardware for %.0f %% of the time",
                 100 * share);
        return COUNTER_MULTIPLEXED;
    }
    if (sample->expected)
        snprintf(text, size, "counts right: %" PRIu64 " of a loop that has %" PRIu64, sample->count,
                 sample->expected);
    else
        snprintf(text, size, "moves: %" PRIu64 " in a loop of which its number is not known",
                 sample->count);
    return COUNTER_GOOD;
}

static void say_refused(int rc, char *text, size_t size)
{
    switch (rc) {
    case -EACCES:
    case -EPERM:
        snprintf(text, size, "not permitted: needs root, or kernel.perf_event_paranoid below 3");
        break;
    case -ENOENT:
    case -ENODEV:
    case -EOPNOTSUPP:
        snprintf(text, size,
                 "there is none: the hypervisor gives no virtual PMU, or this event is not in it");
        break;
    default:
        snprintf(text, size, "it cannot be had: %s", strerror(-rc));
    }
}

enum counter_verdict counter_judge(const struct counter_sample *sample, char *text, size_t size)
{
    if (sample->refused) {
        say_refused(sample->refused, text, size);
        return COUNTER_ABSENT;
    }
    if (sample->enabled_ns == 0 || sample->running_ns == 0) {
        snprintf(text, size, "starved: something else holds the hardware, it never ran");
        return COUNTER_STARVED;
    }
    if (sample->count == 0 && must_move(sample)) {
        snprintf(text, size, "says that it runs and counts nothing: not to be used");
        return COUNTER_STANDS;
    }
    return judge_count(sample, text, size);
}

static int open_event(const struct event *event)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attributes),
        .config = event->config,
        .disabled = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .exclude_guest = 1, /* else KVM's mediated vPMU has it refused */
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void read_event(int fd, struct counter_sample *sample)
{
    uint64_t values[3];
    if (read(fd, values, sizeof(values)) != sizeof(values)) {
        sample->refused = -EIO;
        return;
    }
    sample->count = values[0];
    sample->enabled_ns = values[1];
    sample->running_ns = values[2];
}

uint64_t counter_check_run(struct counter_sample out_samples[COUNTER_EVENTS])
{
    int fds[COUNTER_EVENTS];
    for (size_t i = 0; i < COUNTER_EVENTS; i++) {
        fds[i] = open_event(&events[i]);
        out_samples[i] = (struct counter_sample){
            .event = events[i].name,
            .refused = fds[i] < 0 ? fds[i] : 0,
            .expected = (uint64_t)events[i].per_round * KNOWN_LOOP_ROUNDS,
        };
    }
    for (size_t i = 0; i < COUNTER_EVENTS; i++)
        if (fds[i] >= 0)
            ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
    struct timespec used;
    uint64_t start_ns = clock_monotonic_ns();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    uint64_t cpu_ns = (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
    bool has_run = known_loop_run();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    uint64_t wall_ns = clock_monotonic_ns() - start_ns;
    cpu_ns = (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec - cpu_ns;
    for (size_t i = 0; i < COUNTER_EVENTS; i++) {
        if (fds[i] < 0)
            continue;
        ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0);
        read_event(fds[i], &out_samples[i]);
        close(fds[i]);
        out_samples[i].refused = has_run ? out_samples[i].refused : -ENOTSUP;
    }
    return wall_ns > cpu_ns ? wall_ns - cpu_ns : 0;
}

int counter_check_trust(struct error *err)
{
    struct counter_sample samples[COUNTER_EVENTS];
    char text[160];
    counter_check_run(samples);
    enum counter_verdict verdict = counter_judge(&samples[0], text, sizeof(text));
    if (verdict == COUNTER_GOOD || verdict == COUNTER_MULTIPLEXED)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s: %s", samples[0].event, text);
}
