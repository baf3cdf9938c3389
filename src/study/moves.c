/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/moves.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/units.h"

#define FIELD "se.nr_migrations"
#define VCPU_PREFIX "CPU "
#define VCPU_SUFFIX "/KVM\n"
#define TEXT_MAX 65536

int moves_parse(const char *text, size_t length, uint64_t *out_moves)
{
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        CLEANUP_FREE char *copy = mem_strndup(line, (size_t)(stop - line));
        char *colon = strchr(copy, ':');
        if (colon && strncmp(copy, FIELD, strlen(FIELD)) == 0 &&
            strspn(copy + strlen(FIELD), " ") == (size_t)(colon - copy) - strlen(FIELD))
            return units_parse_count(colon + 1 + strspn(colon + 1, " "), out_moves) == 0 ? 0
                                                                                         : -EBADMSG;
        line = stop + 1;
    }
    return -EBADMSG;
}

/* Calls visit() for each thread until it fails. */
static int visit_threads(pid_t pid, int (*visit)(pid_t pid, pid_t tid, void *context),
                         void *context)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task", (int)pid);
    CLEANUP_DIRECTORY DIR *directory = opendir(path);
    if (!directory)
        return -errno;
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            rc = visit(pid, (pid_t)strtol(entry->d_name, NULL, 10), context);
    return rc;
}

static int bind_thread(pid_t pid, pid_t tid, void *context)
{
    (void)pid;
    const cpu_set_t *set = context;
    return sched_setaffinity(tid, sizeof(*set), set) < 0 && errno != ESRCH ? -errno : 0;
}

static int bind_all(pid_t pid, cpu_set_t *set, struct error *err)
{
    int rc = visit_threads(pid, bind_thread, set);
    return rc < 0 ? error_set_errno(err, ERROR_FAILED, rc, "bind the threads of process %d to CPUs",
                                    (int)pid)
                  : 0;
}

int moves_bind(pid_t pid, unsigned cpu, struct error *err)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return bind_all(pid, &set, err);
}

int moves_release(pid_t pid, const cpu_set_t *cpus, struct error *err)
{
    cpu_set_t set = *cpus;
    return bind_all(pid, &set, err);
}

struct count {
    uint64_t moves;
    unsigned vcpus;
};

static bool is_vcpu(const char *name)
{
    size_t length = strlen(name), suffix = strlen(VCPU_SUFFIX);
    return strncmp(name, VCPU_PREFIX, strlen(VCPU_PREFIX)) == 0 && length > suffix &&
           strcmp(name + length - suffix, VCPU_SUFFIX) == 0;
}

static int count_thread(pid_t pid, pid_t tid, void *context)
{
    struct count *count = context;
    CLEANUP_FREE char *name_path = mem_printf("/proc/%d/task/%d/comm", (int)pid, (int)tid);
    CLEANUP_FREE char *sched_path = mem_printf("/proc/%d/task/%d/sched", (int)pid, (int)tid);
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *text = NULL;
    uint64_t moves;
    size_t length;
    if (file_read(name_path, TEXT_MAX, &name, NULL, NULL) < 0 || !is_vcpu(name))
        return 0;
    int rc = file_read(sched_path, TEXT_MAX, &text, &length, NULL);
    if (rc == 0)
        rc = moves_parse(text, length, &moves);
    if (rc < 0)
        return -ENOTSUP;
    count->moves += moves;
    count->vcpus++;
    return 0;
}

int moves_count(pid_t pid, uint64_t *out_moves, struct error *err)
{
    struct count count = {0};
    int rc = visit_threads(pid, count_thread, &count);
    if (rc == -ENOTSUP)
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "count the moves of a vCPU: this kernel does not (CONFIG_SCHED_DEBUG)");
    if (rc == 0 && count.vcpus == 0)
        rc = -ENOENT;
    if (rc < 0)
        return error_set_errno(err, ERROR_FAILED, rc, "find the vCPUs of process %d", (int)pid);
    *out_moves = count.moves;
    return 0;
}
