/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAT_BYTES 65536 /* enough for the line of procs_running on 500 CPUs */
#define LINE_BYTES 512

static ssize_t read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = 0, more = 1;
    while ((size_t)got < size - 1 && more > 0) {
        more = read(fd, text + got, size - 1 - (size_t)got);
        got += more > 0 ? more : 0;
    }
    close(fd);
    text[got] = '\0';
    return got;
}

/* "TIME-NS RUNNING LOAD USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...": the first line of
 * /proc/stat is taken over as it is. */
static int format_line(unsigned long long elapsed_ns, char line[LINE_BYTES])
{
    char stat[STAT_BYTES], load[64];
    unsigned running = 0;
    if (read_text("/proc/stat", stat, sizeof(stat)) < 0 ||
        read_text("/proc/loadavg", load, sizeof(load)) < 0)
        return -1;
    const char *procs = strstr(stat, "\nprocs_running ");
    if (procs)
        sscanf(procs, " procs_running %u", &running);
    stat[strcspn(stat, "\n")] = '\0';
    load[strcspn(load, " \n")] = '\0';
    return snprintf(line, LINE_BYTES, "%llu %u %s%s\n", elapsed_ns, running, load,
                    stat + strcspn(stat, " "));
}

static unsigned long long elapsed_ns(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)(now.tv_sec - from->tv_sec) * 1000000000ULL +
           (unsigned long long)(now.tv_nsec - from->tv_nsec);
}

int runner_watch(const struct runner_arguments *arguments)
{
    const char *name = arguments->operands[0];
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct timespec from;
    if (fd < 0)
        return runner_complain("create", name);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (struct timespec next = from;; next.tv_sec++) {
        char line[LINE_BYTES];
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
            ;
        int length = format_line(elapsed_ns(&from), line);
        if (length < 0 || length >= LINE_BYTES)
            return runner_complain("read", "/proc/stat");
        if (runner_write(fd, line, (size_t)length) < 0)
            return runner_complain("write", name);
    }
}
