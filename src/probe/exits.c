/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "probe/exits_memory.h"
#include "probe/exits_source.h"
#include "probe/trace_instance.h"
#include "probe/tracepoint.h"

struct exits {
    const struct exits_backend *backend;
    void *state;
    struct error no_bpf; /* why it is not the first source */
};

/* One more must not make the others share the hardware: it has a counter or there is none. */
static const struct perf_event_attr host_instructions = {
    .type = PERF_TYPE_HARDWARE,
    .size = sizeof(struct perf_event_attr),
    .config = PERF_COUNT_HW_INSTRUCTIONS,
    .exclude_guest = 1,
    .pinned = 1,
};

const struct exits_points exits_of_kvm = {
    .exit = "kvm/kvm_exit",
    .reason = "exit_reason",
    .isa = "isa",
    .info = "info1",
    .memory = exits_memory_of_kvm,
    .msr = "kvm/kvm_msr",
    .user = "kvm/kvm_userspace_exit",
    .entry = "kvm/kvm_entry",
    .counter = &host_instructions,
    .looks_per_s = EXITS_AFFORDABLE,
};

static int open_with(struct exits *exits, const struct exits_backend *backend, const char *tracefs,
                     const struct exits_points *points, struct error *err)
{
    int rc = backend->open(tracefs, points, &exits->state, err);
    exits->backend = rc < 0 ? NULL : backend;
    return rc;
}

/* What both lack is said once. */
static int explain_both(const struct error *no_bpf, const struct error *no_tracefs,
                        struct error *err)
{
    if (strcmp(no_bpf->text, no_tracefs->text) == 0)
        return error_set(err, no_bpf->kind, no_bpf->code, "%s", no_bpf->text);
    return error_set(err, no_tracefs->kind, no_tracefs->code, "by BPF: %.480s; by tracefs: %.480s",
                     no_bpf->text, no_tracefs->text);
}

static int open_any(struct exits *exits, const char *tracefs, const struct exits_points *points,
                    struct error *err)
{
    struct error no_tracefs = {0};
    int rc = open_with(exits, &exits_by_bpf, tracefs, points, &exits->no_bpf);
    if (rc < 0)
        rc = open_with(exits, &exits_by_tracefs, tracefs, points, &no_tracefs);
    return rc < 0 ? explain_both(&exits->no_bpf, &no_tracefs, err) : 0;
}

DEFINE_CLEANUP(struct exits *, exits_close);

int exits_open(const struct exits_points *points, struct exits **out_exits, struct error *err)
{
    const char *why = NULL;
    const char *root = tracepoint_find_root(&why);
    if (!root)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s", why);
    trace_instance_sweep(root);
    CLEANUP(exits_close_cleanup) struct exits *exits = mem_zalloc(sizeof(*exits));
    int rc = points->source == EXITS_BPF ? open_with(exits, &exits_by_bpf, root, points, err)
             : points->source == EXITS_TRACEFS
                 ? open_with(exits, &exits_by_tracefs, root, points, err)
                 : open_any(exits, root, points, err);
    if (rc < 0)
        return rc;
    *out_exits = TAKE_PTR(exits);
    return 0;
}

const char *exits_source_name(const struct exits *exits)
{
    return exits->backend->name;
}

const char *exits_without_bpf(const struct exits *exits)
{
    return exits->no_bpf.code ? exits->no_bpf.text : NULL;
}

void exits_each(const struct exits *exits, pid_t process,
                void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                              void *context),
                void *context)
{
    exits->backend->each(exits->state, process, found, context);
}

void exits_keep(const struct exits *exits, bool (*is_wanted)(pid_t process, void *context),
                void *context)
{
    exits->backend->keep(exits->state, is_wanted, context);
}

uint64_t exits_lost(const struct exits *exits)
{
    return exits->backend->lost(exits->state);
}

const char *exits_lost_means(const struct exits *exits)
{
    return exits->backend->lost_means;
}

const char *exits_uncounted(const struct exits *exits)
{
    return exits->backend->uncounted(exits->state);
}

const char *exits_by_records(const struct exits *exits)
{
    return exits->backend->by_records ? exits->backend->by_records(exits->state) : NULL;
}

bool exits_count_all(const struct exits *exits, uint64_t *out_count)
{
    return exits->backend->count_all && exits->backend->count_all(exits->state, out_count);
}

bool exits_looked_ns(const struct exits *exits, uint64_t *out_ns)
{
    return exits->backend->looked_ns && exits->backend->looked_ns(exits->state, out_ns);
}

struct exits *exits_close(struct exits *exits)
{
    if (!exits)
        return NULL;
    if (exits->backend)
        exits->backend->close(exits->state);
    free(exits);
    return NULL;
}
