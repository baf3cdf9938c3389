/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/all_cpus.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* -1: there is none. */
static int find_on(const struct all_cpus *cpus, unsigned cpu)
{
    for (size_t i = 0; cpus && i < cpus->count; i++)
        if (cpus->items[i].cpu == cpu)
            return cpus->items[i].fd;
    return -1;
}

int all_cpus_open(const struct perf_event_attr *attributes, const struct all_cpus *leaders,
                  struct all_cpus *out_cpus)
{
    struct perf_event_attr own = *attributes;
    unsigned most = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    struct all_cpus cpus = {.items = mem_array(most, sizeof(*cpus.items))};
    int rc = 0;
    for (unsigned cpu = 0; cpu < most && rc == 0; cpu++) {
        int fd = (int)syscall(SYS_perf_event_open, &own, -1, (int)cpu, find_on(leaders, cpu),
                              PERF_FLAG_FD_CLOEXEC);
        if (fd >= 0)
            cpus.items[cpus.count++] = (struct cpu_counter){cpu, fd};
        else if (errno != ENODEV) /* off-line */
            rc = -errno;
    }
    if (rc == 0 && cpus.count == 0)
        rc = -ENODEV;
    if (rc < 0)
        all_cpus_close(&cpus);
    *out_cpus = cpus;
    return rc;
}

void all_cpus_close(struct all_cpus *cpus)
{
    for (size_t i = 0; i < cpus->count; i++)
        close(cpus->items[i].fd);
    free(cpus->items);
    *cpus = (struct all_cpus){0};
}
