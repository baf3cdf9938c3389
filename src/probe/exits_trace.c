/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Exits from the records of a ring buffer in tracefs: a thread of ours takes them out before it is
 * full, puts those of all CPUs in order of time, and adds them up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "probe/background.h"
#include "probe/exits_account.h"
#include "probe/exits_record.h"
#include "probe/exits_source.h"
#include "probe/trace_instance.h"
#include "probe/trace_page.h"
#include "probe/tracepoint.h"

/* An exit is about 200 bytes, so this is 20,000 of them; the whole is bounded on large hosts. */
#define BUFFER_BYTES_MAX ((size_t)4 << 20)
#define BUFFER_BYTES_MIN ((size_t)256 << 10)
#define BUFFERS_BYTES_MAX ((size_t)256 << 20)
#define PAUSE_MIN_NS NS_PER_MS
#define PAUSE_MAX_NS (32 * NS_PER_MS)
#define STATUS_MAX ((size_t)16 << 10)

struct pending {
    struct exits_event event;
    uint64_t order; /* of those of one time: as they were read */
};

struct cpu {
    uint64_t known_ns; /* all before this has been read */
    bool has_gap;      /* something is missing before the next record */
};

struct tracefs {
    struct trace_instance *instance;
    struct exits_account *account;
    struct trace_layout layout;
    struct exits_places places;
    size_t buffer_bytes;
    unsigned char *page;
    struct cpu *cpus;
    struct pending *pending;
    size_t pending_count, pending_capacity;
    uint64_t order;
    uint64_t unread; /* pages and records that are not as they should be */
    struct background reader;
};

static void push(struct tracefs *trace, const struct exits_event *event)
{
    MEM_GROW(trace->pending, trace->pending_count, trace->pending_capacity);
    trace->pending[trace->pending_count++] =
        (struct pending){.event = *event, .order = trace->order++};
}

/* All that is known of this CPU was before the gap, and the record is the first behind it. */
static void push_gap(struct tracefs *trace, struct cpu *cpu, uint64_t end_ns)
{
    struct exits_event mark = {.time_ns = cpu->known_ns, .kind = EXITS_BLIND};
    push(trace, &mark);
    mark = (struct exits_event){
        .time_ns = end_ns > cpu->known_ns ? end_ns : cpu->known_ns,
        .kind = EXITS_SEEING,
    };
    push(trace, &mark);
    cpu->has_gap = false;
}

static void take_page(struct tracefs *trace, struct cpu *cpu, size_t length)
{
    struct trace_page page;
    struct trace_record record;
    if (trace_page_open(&trace->layout, trace->page, length, &page) < 0) {
        trace->unread++;
        cpu->has_gap = true;
        return;
    }
    cpu->has_gap |= page.has_lost;
    while (trace_page_next(&page, &record)) {
        struct exits_event event = {0};
        if (cpu->has_gap)
            push_gap(trace, cpu, record.time_ns);
        int rc = exits_record_parse(&trace->places, &record, &event);
        if (rc > 0)
            push(trace, &event);
        trace->unread += rc < 0;
        if (record.time_ns > cpu->known_ns)
            cpu->known_ns = record.time_ns;
    }
    trace->unread += page.is_torn;
    cpu->has_gap |= page.is_torn;
}

/* Reads until there is nothing older than `now_ns`; returns how many bytes that were. */
static size_t read_cpu(struct tracefs *trace, size_t index, uint64_t now_ns)
{
    struct cpu *cpu = &trace->cpus[index];
    size_t bytes = 0;
    while (cpu->known_ns <= now_ns) {
        int got =
            trace_instance_read(trace->instance, index, trace->page, trace->layout.page_bytes);
        trace->unread += got < 0;
        if (got <= 0)
            break;
        take_page(trace, cpu, (size_t)got);
        bytes += (size_t)got;
    }
    if (cpu->known_ns < now_ns)
        cpu->known_ns = now_ns;
    return bytes;
}

static int compare_pending(const void *left, const void *right)
{
    const struct pending *a = left, *b = right;
    if (a->event.time_ns != b->event.time_ns)
        return a->event.time_ns < b->event.time_ns ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Takes all that has happened until now, of all CPUs, in order of time; what is later waits for the
 * next time, since of another CPU something earlier may come. Returns how full the fullest buffer
 * was, as a share. */
static double drain(struct tracefs *trace)
{
    uint64_t now_ns = clock_monotonic_ns();
    size_t most = 0, taken = 0;
    for (size_t i = 0; i < trace_instance_cpus(trace->instance); i++) {
        size_t bytes = read_cpu(trace, i, now_ns);
        most = bytes > most ? bytes : most;
    }
    if (trace->pending_count)
        qsort(trace->pending, trace->pending_count, sizeof(trace->pending[0]), compare_pending);
    while (taken < trace->pending_count && trace->pending[taken].event.time_ns <= now_ns)
        exits_account_take(trace->account, &trace->pending[taken++].event);
    trace->pending_count -= taken;
    if (trace->pending_count)
        memmove(trace->pending, trace->pending + taken,
                trace->pending_count * sizeof(trace->pending[0]));
    return (double)most / (double)trace->buffer_bytes;
}

/* Often enough that a buffer is never more than a fourth full, unless the load jumps. */
static uint64_t choose_pause(uint64_t pause_ns, double share)
{
    if (share > 0.25)
        return pause_ns > 2 * PAUSE_MIN_NS ? pause_ns / 2 : PAUSE_MIN_NS;
    if (share < 0.1)
        return pause_ns < PAUSE_MAX_NS / 2 ? pause_ns * 2 : PAUSE_MAX_NS;
    return pause_ns;
}

static void *run(void *state)
{
    struct tracefs *trace = state;
    uint64_t pause_ns = PAUSE_MIN_NS;
    background_lock(&trace->reader);
    while (!trace->reader.is_ending) {
        pause_ns = choose_pause(pause_ns, drain(trace));
        background_wait(&trace->reader, pause_ns);
    }
    background_unlock(&trace->reader);
    return NULL;
}

static int find_places(const char *root, const char *const events[EXITS_RECORDS],
                       const struct exits_points *points, struct exits_places *places,
                       struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < EXITS_RECORDS; i++) {
        places->ids[i] = -1;
        if (!events[i])
            continue;
        CLEANUP_FREE char *text = NULL;
        size_t length;
        rc = tracepoint_read_format(root, events[i], &text, &length, err);
        if (rc == 0)
            rc = exits_places_add(places, i, events[i], points, text, length, err);
    }
    return rc;
}

static int find_layout(const struct trace_instance *instance, struct trace_layout *out_layout,
                       struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = trace_instance_read_header(instance, &text, &length, err);
    if (rc == 0 && trace_layout_parse(text, length, out_layout) < 0)
        rc = error_set(err, ERROR_ENVIRONMENT, -EBADMSG,
                       "this kernel's pages of trace records are not as we know them");
    return rc;
}

static size_t choose_buffer(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    size_t bytes = BUFFERS_BYTES_MAX / (cpus > 0 ? (size_t)cpus : 1);
    return bytes > BUFFER_BYTES_MAX   ? BUFFER_BYTES_MAX
           : bytes < BUFFER_BYTES_MIN ? BUFFER_BYTES_MIN
                                      : bytes;
}

/* The main thread's number, which is the process's, while the thread is there. */
static pid_t process_of(pid_t thread, void *context)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/status", (int)thread);
    CLEANUP_FREE char *text = NULL;
    (void)context;
    if (file_read(path, STATUS_MAX, &text, NULL, NULL) < 0)
        return 0;
    const char *at = strstr(text, "\nTgid:");
    return at ? (pid_t)strtol(at + strlen("\nTgid:"), NULL, 10) : 0;
}

static void close_tracefs(void *state)
{
    struct tracefs *trace = state;
    background_stop(&trace->reader);
    trace_instance_close(trace->instance);
    exits_account_free(trace->account);
    free(trace->page);
    free(trace->cpus);
    free(trace->pending);
    free(trace);
}

DEFINE_CLEANUP(struct tracefs *, close_tracefs);

static int open_tracefs(const char *root, const struct exits_points *points, void **out_state,
                        struct error *err)
{
    const char *const events[EXITS_RECORDS] = {[EXITS_LEAVE] = points->exit,
                                               [EXITS_USER] = points->user,
                                               [EXITS_ENTER] = points->entry,
                                               [EXITS_SWITCH] = EXITS_SWITCH_EVENT,
                                               [EXITS_END] = "sched/sched_process_exit",
                                               [EXITS_MSR] = points->msr};
    CLEANUP(close_tracefs_cleanup) struct tracefs *trace = mem_zalloc(sizeof(*trace));
    trace->buffer_bytes = choose_buffer();
    const struct trace_instance_options options = {.root = root,
                                                   .events = events,
                                                   .event_count =
                                                       EXITS_RECORDS - (points->msr ? 0 : 1),
                                                   .buffer_bytes = trace->buffer_bytes};
    int rc = find_places(root, events, points, &trace->places, err);
    rc = rc < 0 ? rc : trace_instance_open(&options, &trace->instance, err);
    rc = rc < 0 ? rc : find_layout(trace->instance, &trace->layout, err);
    if (rc < 0)
        return rc;
    trace->account = exits_account_new(process_of, NULL);
    trace->page = mem_alloc(trace->layout.page_bytes);
    trace->cpus = mem_array(trace_instance_cpus(trace->instance), sizeof(trace->cpus[0]));
    rc = background_start(&trace->reader, run, trace, "the thread that reads exits", err);
    if (rc < 0)
        return rc;
    *out_state = TAKE_PTR(trace);
    return 0;
}

static void each(void *state, pid_t process,
                 void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                               void *context),
                 void *context)
{
    struct tracefs *trace = state;
    background_lock(&trace->reader);
    drain(trace);
    exits_account_each(trace->account, process, found, context);
    background_unlock(&trace->reader);
}

static void keep(void *state, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct tracefs *trace = state;
    background_lock(&trace->reader);
    exits_account_keep(trace->account, is_wanted, context);
    background_unlock(&trace->reader);
}

static uint64_t lost(void *state)
{
    struct tracefs *trace = state;
    background_lock(&trace->reader);
    uint64_t count =
        trace->unread + exits_account_lost(trace->account) + trace_instance_lost(trace->instance);
    background_unlock(&trace->reader);
    return count;
}

static const char *uncounted(void *state)
{
    (void)state;
    return "tracefs tells when exits are, not how many instructions they take";
}

const struct exits_backend exits_by_tracefs = {
    .name = "tracefs",
    .open = open_tracefs,
    .each = each,
    .keep = keep,
    .lost = lost,
    .lost_means = "records of exits were lost: tracefs' buffer was full",
    .uncounted = uncounted,
    .close = close_tracefs,
};
