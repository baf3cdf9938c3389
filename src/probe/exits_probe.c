/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits: each machine's VM exits by reason with their time, and how long they last.
 */
#include <errno.h>

#include "probe/exit_reason.h"
#include "probe/exits.h"
#include "probe/probe_list.h"

static int open_exits(const struct probe_target *targets, size_t count, void **out_state,
                      struct error *err)
{
    struct exits *exits = NULL;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= targets[i].is_kvm;
    if (!any)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here runs under KVM");
    int rc = exits_open(&exits_of_kvm, &exits, err);
    *out_state = exits;
    return rc;
}

struct finding {
    int machine;
    bool counts;
    struct probe_readings *out;
};

static void add_sum(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    const struct finding *finding = context;
    struct probe_readings *out = finding->out;
    const char *known = exit_reason_name(key->isa, key->reason);
    CLEANUP_FREE char *name = known ? mem_strdup(known) : mem_printf("0x%x", key->reason);
    probe_readings_add(out, finding->machine, sum->count, "exits:%s:count", name);
    probe_readings_add(out, finding->machine, sum->kernel_ns, "exits:%s:kernel_ns", name);
    probe_readings_add(out, finding->machine, sum->user_ns, "exits:%s:user_ns", name);
    probe_readings_add(out, finding->machine, sum->off_ns, "exits:%s:off_ns", name);
    if (finding->counts) {
        probe_readings_add(out, finding->machine, sum->kernel_count, "exits:%s:kernel_instructions",
                           name);
        probe_readings_add(out, finding->machine, sum->user_count, "exits:%s:user_instructions",
                           name);
    }
    for (unsigned i = 0; i < EXITS_BUCKETS; i++)
        if (sum->buckets[i])
            probe_readings_add(out, finding->machine, sum->buckets[i], "exits:%s:2^%u_ns", name, i);
}

static void read_exits(void *state, const struct probe_target *target, struct probe_readings *out)
{
    uint64_t count;
    if (target->index == 0 && exits_count_all(state, &count))
        probe_readings_add(out, -1, count, "exits:whole_host_instructions");
    if (!target->is_kvm)
        return;
    const char *uncounted = exits_uncounted(state);
    struct finding finding = {(int)target->index, !uncounted, out};
    exits_each(state, target->pid, add_sum, &finding);
    probe_readings_add(out, (int)target->index, exits_lost(state), "exits:lost");
    if (uncounted)
        probe_readings_miss(out, (int)target->index, "exits:instructions", "%s", uncounted);
}

static void close_exits(void *state)
{
    exits_close(state);
}

const struct probe probe_exits = {
    .name = "exits",
    .help = "VM exits of KVM by reason, with time: BPF programs at KVM's tracepoints.",
    .open = open_exits,
    .read = read_exits,
    .close = close_exits,
};
