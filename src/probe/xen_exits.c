/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen: VM exits of Xen's domains by reason, with time, from xentrace(8), which runs while the trial
 * is measured and writes to a file that has no name any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "probe/exit_reason.h"
#include "probe/probe_list.h"
#include "probe/xentrace.h"

#define BUFFER_PAGES "256" /* of each CPU */
#define POLL_MS "50"
#define STOP_NS (10 * NS_PER_S)
#define INFO_TIMEOUT_NS (30 * NS_PER_S)
#define PIECE_BYTES ((size_t)1 << 16)

struct state {
    pid_t pid;            /* of xentrace; 0: it has ended */
    int file, complaints; /* what it writes, and why it does not */
    uint32_t isa;
    double ticks_per_ns;
    struct xentrace trace;
    size_t reads, machines; /* the first `machines` reads are the beginning */
};

static void close_xen(void *object)
{
    struct state *state = object;
    if (state->pid > 0)
        process_stop(state->pid, STOP_NS);
    fd_cleanup(&state->file);
    fd_cleanup(&state->complaints);
    xentrace_done(&state->trace);
    free(state);
}

/* The clock rate of the time-stamp counter as Xen measured it. */
static int find_rate(double *out_ticks_per_ns, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    const char *const argv[] = {"xl", "info", NULL};
    int rc = process_check(argv, INFO_TIMEOUT_NS, &text, err);
    if (rc < 0)
        return rc;
    double mhz = xentrace_parse_mhz(text, strlen(text));
    if (!(mhz > 0))
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "'xl info' tells no cpu_mhz");
    *out_ticks_per_ns = mhz / 1000;
    return 0;
}

static int make_file(int *out_fd, struct error *err)
{
    char path[] = "/var/tmp/vtax-xentrace-XXXXXX";
    *out_fd = mkostemp(path, O_CLOEXEC);
    if (*out_fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make '%s'", path);
    unlink(path);
    return 0;
}

static int start(struct state *state, struct error *err)
{
    int rc = make_file(&state->file, err);
    rc = rc < 0 ? rc : make_file(&state->complaints, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *mask = mem_printf("0x%x", XENTRACE_MASK);
    /* It wants a file's name, and prints its usage where there is none. */
    const char *const argv[] = {
        "xentrace", "-D", "-e", mask, "-S", BUFFER_PAGES, "-s", POLL_MS, "/proc/self/fd/1", NULL};
    state->pid = process_start(&(struct process_options){.argv = argv,
                                                         .stdout_fd = state->file,
                                                         .stderr_fd = state->complaints,
                                                         .own_group = true,
                                                         .dies_with_parent = true},
                               err);
    return state->pid < 0 ? (int)state->pid : 0;
}

static int open_xen(const struct probe_target *targets, size_t count, void **out_state,
                    struct error *err)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= targets[i].domain > 0;
    if (!any)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here is a domain of Xen");
    if (!process_find_program("xentrace"))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "no program 'xentrace' (package xen-utils)");
    struct state *state = mem_zalloc(sizeof(*state));
    *state = (struct state){.file = -1, .complaints = -1, .isa = exit_isa_here(), .machines = count};
    int rc = find_rate(&state->ticks_per_ns, err);
    rc = rc < 0 ? rc : start(state, err);
    if (rc < 0)
        close_xen(state);
    else
        *out_state = state;
    return rc;
}

/* It writes what is still in the buffers before it ends. */
static void collect(struct state *state)
{
    CLEANUP_FREE char *buffer = mem_alloc(PIECE_BYTES);
    size_t held = 0;
    ssize_t count;
    process_stop(state->pid, STOP_NS);
    state->pid = 0;
    if (lseek(state->file, 0, SEEK_SET) < 0)
        return;
    while ((count = read(state->file, buffer + held, PIECE_BYTES - held)) > 0) {
        held += (size_t)count;
        size_t used = xentrace_feed(&state->trace, buffer, held);
        memmove(buffer, buffer + used, held - used);
        held -= used;
    }
}

static void add_sum(const struct state *state, int machine, const struct xentrace_sum *sum,
                    struct probe_readings *out)
{
    const char *known = exit_reason_name(state->isa, sum->reason);
    CLEANUP_FREE char *name = known ? mem_strdup(known) : mem_printf("0x%x", sum->reason);
    uint64_t time_ns = (uint64_t)((double)sum->ticks / state->ticks_per_ns);
    probe_readings_add(out, machine, sum->count, "exits:%s:count", name);
    probe_readings_add(out, machine, time_ns, "exits:%s:kernel_ns", name);
}

/* Nothing is not the same as no exits. */
static void say_nothing_came(const struct state *state, int machine, struct probe_readings *out)
{
    char text[160] = "";
    ssize_t length = pread(state->complaints, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    probe_readings_miss(out, machine, "exits:lost", "xentrace wrote no record of exits%s%s",
                        text[0] ? ": " : "", text);
}

static void read_xen(void *object, const struct probe_target *target, struct probe_readings *out)
{
    struct state *state = object;
    if (state->reads++ < state->machines)
        return;
    if (state->pid > 0)
        collect(state);
    if (target->domain > 0 && state->trace.taken == 0) {
        say_nothing_came(state, (int)target->index, out);
        return;
    }
    for (size_t i = 0; target->domain > 0 && i < state->trace.sum_count; i++)
        if (state->trace.sums[i].domain == target->domain)
            add_sum(state, (int)target->index, &state->trace.sums[i], out);
    if (target->domain > 0) {
        probe_readings_add(out, (int)target->index, state->trace.lost, "exits:lost");
        probe_readings_add(out, (int)target->index, state->trace.torn, "exits:torn");
    }
}

const struct probe probe_xen = {
    .name = "xen",
    .help = "VM exits of Xen's domains by reason, with time: xentrace; only where it is named.",
    .on_request = true,
    .open = open_xen,
    .read = read_xen,
    .close = close_xen,
};
