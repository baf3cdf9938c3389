/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/vcpu_counter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Nothing that stays out of guest mode asks for it: with KVM's mediated vPMU that is refused. */
struct perf_event_attr vcpu_counter_attributes(const struct perf_event_attr *event, bool in_guest)
{
    struct perf_event_attr attributes = *event;
    attributes.size = sizeof(attributes);
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    attributes.exclude_host = in_guest;
    attributes.exclude_guest = !in_guest;
    return attributes;
}

int vcpu_counter_open(const struct perf_event_attr *event, bool in_guest, pid_t tid, int group_fd)
{
    struct perf_event_attr attributes = vcpu_counter_attributes(event, in_guest);
    int fd =
        (int)syscall(SYS_perf_event_open, &attributes, tid, -1, group_fd, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The first line of a file below root; "?" where there is none. */
static const char *read_word(const char *root, const char *name, char *text, size_t size)
{
    CLEANUP_FREE char *path = mem_printf("%s%s", root, name);
    CLEANUP_FREE char *found = NULL;
    if (file_read(path, 16, &found, NULL, NULL) >= 0)
        found[strcspn(found, "\n")] = '\0';
    snprintf(text, size, "%s", found ? found : "?");
    return text;
}

/* Linux 7.0 and later: KVM hands the hardware over to the guest. */
static const char *find_mediated(const char *root)
{
    static const char *const modules[] = {"kvm_intel", "kvm_amd"};
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        char word[16];
        CLEANUP_FREE char *name =
            mem_printf("/sys/module/%s/parameters/enable_mediated_pmu", modules[i]);
        if (strcmp(read_word(root, name, word, sizeof(word)), "Y") == 0)
            return modules[i];
    }
    return NULL;
}

static int refuse_unsupported(const char *root, const char *name, int rc, struct error *err)
{
    const char *module = rc == -EOPNOTSUPP ? find_mediated(root) : NULL;
    if (module)
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "event '%s': while a machine has KVM's mediated vPMU guests are not "
                         "counted from the host: load %s with enable_mediated_pmu=0",
                         name, module);
    return error_set(err, ERROR_ENVIRONMENT, rc,
                     "event '%s': this host shows no performance counters that tell guest from "
                     "host",
                     name);
}

int vcpu_counter_refuse(const char *root, const char *name, int rc, struct error *err)
{
    char paranoid[16];
    switch (rc) {
    case -ENOENT:
    case -ENODEV:
    case -EOPNOTSUPP:
        return refuse_unsupported(root, name, rc, err);
    case -EACCES:
    case -EPERM:
        return error_set(
            err, ERROR_ENVIRONMENT, rc,
            "not permitted with kernel.perf_event_paranoid = %s: needs root, or that below 2",
            read_word(root, "/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid)));
    default:
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "open counter '%s'", name);
    }
}

int vcpu_counter_read(int fd, struct vcpu_count *out_count)
{
    uint64_t values[3]; /* count, enabled, running */
    ssize_t got = read(fd, values, sizeof(values));
    if (got != sizeof(values))
        return got < 0 ? -errno : -EIO;
    *out_count = (struct vcpu_count){values[0], values[1], values[2]};
    return 0;
}

uint64_t vcpu_counter_scale(const struct vcpu_count *earlier, const struct vcpu_count *later)
{
    static const struct vcpu_count start = {0};
    const struct vcpu_count *from = earlier ? earlier : &start;
    uint64_t running_ns = later->running_ns - from->running_ns;
    if (running_ns == 0 || later->running_ns < from->running_ns)
        return 0;
    return (uint64_t)((double)(later->value - from->value) *
                      (double)(later->enabled_ns - from->enabled_ns) / (double)running_ns);
}
