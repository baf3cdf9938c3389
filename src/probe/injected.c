/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * injected: what the platform `fake` says that its machines lost time for, so that the way from
 * probes to causes can be tried with a known truth.
 */
#include <errno.h>

#include "probe/probe_list.h"

static int open_injected(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_fake)
            return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here is a fake one");
}

static void read_injected(void *state, const struct probe_target *target,
                          struct probe_readings *out)
{
    (void)state;
    const char *name;
    uint64_t value;
    if (!target->is_fake)
        return;
    for (size_t i = 0; machine_read_injected(target->machine, i, &name, &value); i++)
        probe_readings_add(out, (int)target->index, value, "%s", name);
}

const struct probe probe_injected = {
    .name = "injected",
    .help = "Costs of known size that the platform fake puts in.",
    .open = open_injected,
    .read = read_injected,
};
