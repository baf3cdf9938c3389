/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/trace_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/trace_page.h"
#include "probe/tracepoint.h"

#define NAME "vtax-"
#define SAME_PROCESS_MAX 64 /* instances of one process */
#define TEXT_MAX ((size_t)4 << 10)

struct trace_instance {
    char *path;
    int *pipes; /* per_cpu/cpuN/trace_pipe_raw */
    size_t cpus;
};

/* Writes a setting; tracefs takes it whole or not at all. */
static int put(const char *directory, const char *setting, const char *value, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, setting);
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write '%s' to '%s'", value, path);
    return 0;
}

static int check_namespaces(struct error *err)
{
    int rc = tracepoint_check_pids(err);
    return rc < 0 ? rc : tracepoint_check_times(err);
}

static char *make_directory(const char *root, struct error *err)
{
    for (unsigned i = 0; i < SAME_PROCESS_MAX; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/instances/" NAME "%d-%u", root, (int)getpid(), i);
        if (mkdir(path, 0700) == 0)
            return TAKE_PTR(path);
        if (errno != EEXIST) {
            error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make the trace instance '%s'", path);
            return NULL;
        }
    }
    error_set(err, ERROR_ENVIRONMENT, -EEXIST, "this process has %d trace instances in '%s'",
              SAME_PROCESS_MAX, root);
    return NULL;
}

static int set_up(const struct trace_instance *instance,
                  const struct trace_instance_options *options, struct error *err)
{
    CLEANUP_FREE char *kilobytes = mem_printf("%zu", options->buffer_bytes >> 10);
    const char *const settings[][2] = {
        {"tracing_on", "0"},
        {"trace_clock", "mono"}, /* empties the buffer */
        {"buffer_size_kb", kilobytes},
        {"options/overwrite", "1"}, /* what is lost is told where it is missing */
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(settings); i++)
        rc = put(instance->path, settings[i][0], settings[i][1], err);
    return rc;
}

static int switch_on(const struct trace_instance *instance,
                     const struct trace_instance_options *options, struct error *err)
{
    for (size_t i = 0; i < options->event_count; i++) {
        CLEANUP_FREE char *setting = mem_printf("events/%s/enable", options->events[i]);
        int rc = put(instance->path, setting, "1", err);
        if (rc < 0)
            return rc;
    }
    return put(instance->path, "tracing_on", "1", err);
}

/* CPUs that may come are there from the beginning. */
static int open_pipes(struct trace_instance *instance, struct error *err)
{
    size_t capacity = 0;
    for (;;) {
        CLEANUP_FREE char *path =
            mem_printf("%s/per_cpu/cpu%zu/trace_pipe_raw", instance->path, instance->cpus);
        CLEANUP_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && instance->cpus > 0)
            return 0;
        if (fd < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", path);
        MEM_GROW(instance->pipes, instance->cpus, capacity);
        instance->pipes[instance->cpus++] = TAKE_FD(fd);
    }
}

DEFINE_CLEANUP(struct trace_instance *, trace_instance_close);

int trace_instance_open(const struct trace_instance_options *options,
                        struct trace_instance **out_instance, struct error *err)
{
    int rc = check_namespaces(err);
    if (rc < 0)
        return rc;
    CLEANUP(trace_instance_close_cleanup)
    struct trace_instance *instance = mem_zalloc(sizeof(*instance));
    instance->path = make_directory(options->root, err);
    if (!instance->path)
        return err ? err->code : -EACCES;
    rc = set_up(instance, options, err);
    rc = rc < 0 ? rc : open_pipes(instance, err);
    rc = rc < 0 ? rc : switch_on(instance, options, err);
    if (rc < 0)
        return rc;
    *out_instance = TAKE_PTR(instance);
    return 0;
}

int trace_instance_read_header(const struct trace_instance *instance, char **out_text,
                               size_t *out_length, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/events/header_page", instance->path);
    return file_read(path, TEXT_MAX, out_text, out_length, err);
}

size_t trace_instance_cpus(const struct trace_instance *instance)
{
    return instance->cpus;
}

int trace_instance_read(const struct trace_instance *instance, size_t cpu, void *page, size_t bytes)
{
    ssize_t got;
    do
        got = read(instance->pipes[cpu], page, bytes);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? 0 : -errno;
    return (int)got;
}

uint64_t trace_instance_lost(const struct trace_instance *instance)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < instance->cpus; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/per_cpu/cpu%zu/stats", instance->path, i);
        CLEANUP_FREE char *text = NULL;
        size_t length;
        if (file_read(path, TEXT_MAX, &text, &length, NULL) == 0)
            lost += trace_parse_lost(text, length);
    }
    return lost;
}

/* The kernel removes no instance that somebody has open. */
struct trace_instance *trace_instance_close(struct trace_instance *instance)
{
    if (!instance)
        return NULL;
    for (size_t i = 0; i < instance->cpus; i++)
        fd_cleanup(&instance->pipes[i]);
    if (instance->path)
        rmdir(instance->path);
    free(instance->pipes);
    free(instance->path);
    free(instance);
    return NULL;
}

void trace_instance_sweep(const char *root)
{
    CLEANUP_FREE char *path = mem_printf("%s/instances", root);
    CLEANUP_DIRECTORY DIR *directory = opendir(path);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strncmp(entry->d_name, NAME, strlen(NAME)) != 0)
            continue;
        char *end;
        long pid = strtol(entry->d_name + strlen(NAME), &end, 10);
        if (pid > 0 && *end == '-' && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
            unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
    }
}
