/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits: each machine's VM exits by reason with their time, and how long they last. exits-tracefs:
 * the same from the second source, so that both can look at the same exits.
 */
#include <errno.h>

#include "probe/exit_reason.h"
#include "probe/exits.h"
#include "probe/probe_list.h"

struct looking {
    struct exits *exits;
    const char *name; /* of the probe: what its readings begin with */
    size_t targets;
    bool has_begun; /* the next reading is of an end */
};

static int open_source(const struct probe_target *targets, size_t count, const char *name,
                       enum exits_source source, void **out_state, struct error *err)
{
    struct exits_points points = exits_of_kvm;
    struct exits *exits = NULL;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= targets[i].is_kvm;
    if (!any)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here runs under KVM");
    points.source = source;
    int rc = exits_open(&points, &exits, err);
    if (rc < 0)
        return rc;
    struct looking *looking = mem_zalloc(sizeof(*looking));
    *looking = (struct looking){.exits = exits, .name = name, .targets = count};
    *out_state = looking;
    return 0;
}

static int open_exits(const struct probe_target *targets, size_t count, void **out_state,
                      struct error *err)
{
    return open_source(targets, count, "exits", EXITS_ANY, out_state, err);
}

static int open_tracefs(const struct probe_target *targets, size_t count, void **out_state,
                        struct error *err)
{
    return open_source(targets, count, "exits-tracefs", EXITS_TRACEFS, out_state, err);
}

struct finding {
    const char *probe;
    int machine;
    bool counts;
    struct probe_readings *out;
};

static void add_sum(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    const struct finding *finding = context;
    struct probe_readings *out = finding->out;
    const char *known = exit_reason_name(key->isa, key->reason);
    CLEANUP_FREE char *reason = known ? mem_strdup(known) : mem_printf("0x%x", key->reason);
    CLEANUP_FREE char *name = mem_printf("%s:%s", finding->probe, reason);
    probe_readings_add(out, finding->machine, sum->count, "%s:count", name);
    probe_readings_add(out, finding->machine, sum->kernel_ns, "%s:kernel_ns", name);
    probe_readings_add(out, finding->machine, sum->user_ns, "%s:user_ns", name);
    probe_readings_add(out, finding->machine, sum->off_ns, "%s:off_ns", name);
    if (finding->counts) {
        probe_readings_add(out, finding->machine, sum->kernel_count, "%s:kernel_instructions",
                           name);
        probe_readings_add(out, finding->machine, sum->user_count, "%s:user_instructions", name);
    }
    for (unsigned i = 0; i < EXITS_BUCKETS; i++)
        if (sum->buckets[i])
            probe_readings_add(out, finding->machine, sum->buckets[i], "%s:2^%u_ns", name, i);
}

/* What concerns the host as a whole. */
static void read_host(const struct looking *looking, struct probe_readings *out)
{
    uint64_t count, looked_ns;
    const char *why = exits_without_bpf(looking->exits);
    const char *records = exits_by_records(looking->exits);
    if (exits_count_all(looking->exits, &count))
        probe_readings_add(out, -1, count, "%s:whole_host_instructions", looking->name);
    if (exits_looked_ns(looking->exits, &looked_ns))
        probe_readings_add(out, -1, looked_ns, "%s:looked_ns", looking->name);
    if (why)
        probe_readings_miss(out, -1, "exits:bpf", "exits are read from tracefs: %s", why);
    if (records)
        probe_readings_miss(out, -1, "exits:types", "a look at an exit takes a record: %s",
                            records);
}

static void read_machine(const struct looking *looking, const struct probe_target *target,
                         struct probe_readings *out)
{
    if (!target->is_kvm)
        return;
    const char *uncounted = exits_uncounted(looking->exits);
    struct finding finding = {looking->name, (int)target->index, !uncounted, out};
    exits_each(looking->exits, target->pid, add_sum, &finding);
    probe_readings_add(out, (int)target->index, exits_lost(looking->exits), "%s:lost",
                       looking->name);
    if (uncounted) {
        CLEANUP_FREE char *name = mem_printf("%s:instructions", looking->name);
        probe_readings_miss(out, (int)target->index, name, "%s", uncounted);
    }
}

/* The host is counted innermost, as `emulator`, which it is held against, does: what is read of the
 * machines costs a million instructions. */
static void read_exits(void *state, const struct probe_target *target, struct probe_readings *out)
{
    struct looking *looking = state;
    bool is_end = looking->has_begun;
    if (is_end && target->index == 0)
        read_host(looking, out);
    read_machine(looking, target, out);
    if (target->index + 1 < looking->targets)
        return;
    if (!is_end)
        read_host(looking, out);
    looking->has_begun = !is_end;
}

static void close_exits(void *state)
{
    struct looking *looking = state;
    exits_close(looking->exits);
    free(looking);
}

const struct probe probe_exits = {
    .name = "exits",
    .help = "VM exits of KVM by reason, with time: BPF programs at KVM's tracepoints, else their "
            "records in tracefs.",
    .open = open_exits,
    .read = read_exits,
    .close = close_exits,
};

const struct probe probe_exits_tracefs = {
    .name = "exits-tracefs",
    .help = "The same from tracefs alone, to compare: each exit takes longer, too.",
    .on_request = true,
    .open = open_tracefs,
    .read = read_exits,
    .close = close_exits,
};
