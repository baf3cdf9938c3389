/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/all_cpus.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

int all_cpus_open(const struct perf_event_attr *attributes, struct all_cpus *out_cpus)
{
    struct perf_event_attr own = *attributes;
    unsigned most = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    struct all_cpus cpus = {.items = mem_array(most, sizeof(*cpus.items))};
    int rc = 0;
    for (unsigned cpu = 0; cpu < most && rc == 0; cpu++) {
        int fd = (int)syscall(SYS_perf_event_open, &own, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
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
