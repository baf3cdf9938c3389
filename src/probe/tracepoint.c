/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/tracepoint.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define FORMAT_MAX ((size_t)64 << 10)
#define FIELD_MAX ((size_t)1 << 20)
/* Of the namespaces that the kernel has at boot (include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE UINT64_C(0xeffffffc)
#define FIRST_TIME_NAMESPACE UINT64_C(0xeffffffa)

const char *tracepoint_find_root(const char **out_why)
{
    static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/events", roots[i]);
        if (access(path, R_OK | X_OK) == 0)
            return roots[i];
    }
    *out_why = geteuid() != 0
                   ? "only root may read tracefs"
                   : "tracefs is not there: mount -t tracefs tracefs /sys/kernel/tracing";
    return NULL;
}

static int check_namespace(const char *path, uint64_t first, const char *what, struct error *err)
{
    struct stat status;
    if (stat(path, &status) == 0 && status.st_ino != first)
        return error_set(err, ERROR_ENVIRONMENT, -EACCES,
                         "tracefs tells %s of the host, not those of this container's namespace",
                         what);
    return 0;
}

int tracepoint_check_pids(struct error *err)
{
    return check_namespace("/proc/self/ns/pid", FIRST_PID_NAMESPACE, "process numbers", err);
}

int tracepoint_check_times(struct error *err)
{
    return check_namespace("/proc/self/ns/time", FIRST_TIME_NAMESPACE, "times", err);
}

/* The number after `key` in one line. */
static int parse_after(const char *line, const char *end, const char *key)
{
    const char *at = memmem(line, (size_t)(end - line), key, strlen(key));
    if (!at)
        return -EBADMSG;
    size_t value = 0;
    const char *digit = at + strlen(key);
    while (digit < end && *digit == ' ')
        digit++;
    const char *first = digit;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (size_t)(*digit - '0');
        if (value > FIELD_MAX)
            return -EBADMSG;
    }
    return digit > first ? (int)value : -EBADMSG;
}

static const char *line_end(const char *line, const char *end)
{
    const char *at = memchr(line, '\n', (size_t)(end - line));
    return at ? at : end;
}

int tracepoint_parse_id(const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *line = text; line < end; line = line_end(line, end) + 1)
        if (end - line > 3 && memcmp(line, "ID:", 3) == 0)
            return parse_after(line, line_end(line, end), "ID:");
    return -EBADMSG;
}

/* "\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;" */
int tracepoint_parse_place(const char *text, size_t length, const char *field, size_t *out_offset,
                           size_t *out_bytes)
{
    char name[64];
    int name_length = snprintf(name, sizeof(name), " %s;", field);
    const char *end = text + length, *next;
    for (const char *line = text; line < end; line = next + 1) {
        next = line_end(line, end);
        size_t count = (size_t)(next - line);
        if (!memmem(line, count, "field:", 6) || !memmem(line, count, name, (size_t)name_length))
            continue;
        int size = parse_after(line, next, "size:");
        int offset = parse_after(line, next, "offset:");
        if (size < 0 || offset < 0)
            return -EBADMSG;
        *out_offset = (size_t)offset;
        *out_bytes = (size_t)size;
        return 0;
    }
    return -ENOENT;
}

int tracepoint_parse_field(const char *text, size_t length, const char *field, size_t bytes)
{
    size_t offset = 0, size = 0;
    int rc = tracepoint_parse_place(text, length, field, &offset, &size);
    return rc < 0 ? rc : size == bytes ? (int)offset : -EBADMSG;
}

const char *tracepoint_name(const char *event)
{
    const char *slash = strchr(event, '/');
    return slash ? slash + 1 : event;
}

int tracepoint_read_format(const char *root, const char *event, char **out_text, size_t *out_length,
                           struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/events/%s/format", root, event);
    int rc = file_read(path, FORMAT_MAX, out_text, out_length, NULL);
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc, "read the tracepoint '%s'", event)
                  : 0;
}

int tracepoint_find_field(const char *text, size_t length, const char *event, const char *field,
                          struct error *err)
{
    int rc = tracepoint_parse_field(text, length, field, 4);
    if (rc == -EBADMSG)
        rc = tracepoint_parse_field(text, length, field, 8); /* little-endian */
    if (rc < 0)
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "tracepoint '%s' has no field '%s' of 4 bytes in this kernel", event,
                         field);
    return rc;
}

/* One event is enough for all CPUs: the program belongs to the tracepoint, not to the event. */
int tracepoint_read_id(const char *root, const char *event, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = tracepoint_read_format(root, event, &text, &length, err);
    if (rc < 0)
        return rc;
    int id = tracepoint_parse_id(text, length);
    return id < 0 ? error_set(err, ERROR_ENVIRONMENT, id, "tracepoint '%s' has no number", event)
                  : id;
}

int tracepoint_read_field(const char *root, const char *event, const char *field, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = tracepoint_read_format(root, event, &text, &length, err);
    return rc < 0 ? rc : tracepoint_find_field(text, length, event, field, err);
}

int tracepoint_attach(int id, int program_fd, struct error *err)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attributes),
        .config = (uint64_t)id,
        .sample_period = 1,
        .wakeup_events = 1,
    };
    CLEANUP_FD int fd =
        (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open tracepoint %d", id);
    if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) < 0 ||
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                               "attach a BPF program to tracepoint %d", id);
    return TAKE_FD(fd);
}
