/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/pressure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "probe/probe_list.h"

#define TEXT_MAX 4096
#define CGROUP "cgroup (version 2) of its own whose pressure the kernel tells (psi=1)"

static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
static const char *const resources[] = {"cpu", "memory", "io"};

static const char *find_line(const char *text, size_t length, const char *start, size_t *out_length)
{
    const char *end = text + length;
    size_t start_length = strlen(start);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next : end;
        if ((size_t)(next - line) >= start_length && memcmp(line, start, start_length) == 0) {
            *out_length = (size_t)(next - line);
            return line;
        }
        line = next + 1;
    }
    return NULL;
}

int pressure_parse_total(const char *text, size_t length, const char *kind, uint64_t *out_us)
{
    size_t line_length;
    const char *line = find_line(text, length, kind, &line_length);
    if (!line)
        return -EBADMSG;
    CLEANUP_FREE char *copy = mem_strndup(line, line_length);
    const char *total = strstr(copy, "total=");
    return total && sscanf(total, "total=%" SCNu64, out_us) == 1 ? 0 : -EBADMSG;
}

char *pressure_parse_cgroup(const char *text, size_t length)
{
    size_t line_length;
    const char *line = find_line(text, length, "0::", &line_length);
    return line ? mem_strndup(line + 3, line_length - 3) : NULL;
}

static char *read_text(const char *path, size_t *out_length)
{
    char *text = NULL;
    return file_read(path, TEXT_MAX, &text, out_length, NULL) < 0 ? NULL : text;
}

/* The directory of the process's own cgroup; NULL: it has none, or it is the root of all. */
static char *find_directory(pid_t pid)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/cgroup", (int)pid);
    size_t length = 0;
    CLEANUP_FREE char *text = read_text(path, &length);
    CLEANUP_FREE char *group = text ? pressure_parse_cgroup(text, length) : NULL;
    if (!group || strcmp(group, "/") == 0)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        char *directory = mem_printf("%s%s", roots[i], group);
        CLEANUP_FREE char *file = mem_printf("%s/cpu.pressure", directory);
        if (access(file, R_OK) == 0)
            return directory;
        free(directory);
    }
    return NULL;
}

static int open_pressure(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++) {
        CLEANUP_FREE char *directory = targets[i].pid > 0 ? find_directory(targets[i].pid) : NULL;
        if (directory)
            return 0;
    }
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine has a " CGROUP);
}

static void read_pressure(void *state, const struct probe_target *target,
                          struct probe_readings *out)
{
    (void)state;
    if (target->pid <= 0)
        return;
    CLEANUP_FREE char *directory = find_directory(target->pid);
    if (!directory)
        probe_readings_miss(out, (int)target->index, "pressure", "it has no " CGROUP);
    for (size_t i = 0; directory && i < COUNT_OF(resources); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s.pressure", directory, resources[i]);
        CLEANUP_FREE char *name = mem_printf("pressure:%s_some_ns", resources[i]);
        size_t length = 0;
        CLEANUP_FREE char *text = read_text(path, &length);
        uint64_t us;
        if (text && pressure_parse_total(text, length, "some", &us) == 0)
            probe_readings_add(out, (int)target->index, us * NS_PER_US, "%s", name);
        else
            probe_readings_miss(out, (int)target->index, name, "'%s' cannot be read", path);
    }
}

const struct probe probe_pressure = {
    .name = "pressure",
    .help = "Time for which tasks stood still for want of CPU, memory or I/O: cgroups.",
    .open = open_pressure,
    .read = read_pressure,
};
