/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * host: how busy the host as a whole was, which bounds how long anything on it can have waited for
 * a CPU.
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "probe/host.h"
#include "probe/pressure.h"
#include "probe/probe_list.h"

#define TEXT_MAX 4096

static int open_host(const struct probe_target *targets, size_t count, void **out_state,
                     struct error *err)
{
    struct host_cpu cpu;
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].pid > 0)
            return host_read_cpu("", &cpu, err);
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine has a process on this host");
}

static void read_host(void *state, const struct probe_target *target, struct probe_readings *out)
{
    (void)state;
    struct host_cpu cpu;
    CLEANUP_FREE char *text = NULL;
    size_t length;
    uint64_t us;
    if (target->index > 0)
        return; /* it is the same for all */
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    if (host_read_cpu("", &cpu, NULL) >= 0) {
        probe_readings_add(out, -1, cpu.total * tick_ns, "host:cpu_total_ns");
        probe_readings_add(out, -1, cpu.idle * tick_ns, "host:cpu_idle_ns");
        probe_readings_add(out, -1, cpu.steal * tick_ns, "host:cpu_steal_ns");
    }
    if (file_read("/proc/pressure/cpu", TEXT_MAX, &text, &length, NULL) >= 0 &&
        pressure_parse_total(text, length, "some", &us) == 0)
        probe_readings_add(out, -1, us * NS_PER_US, "host:cpu_pressure_ns");
    else
        probe_readings_miss(out, -1, "host:cpu_pressure_ns",
                            "the kernel keeps no pressure information (psi=1)");
}

const struct probe probe_host = {
    .name = "host",
    .help = "How busy the whole host was, and for how long anything waited for a CPU.",
    .open = open_host,
    .read = read_host,
};
