/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/kvm_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "machine/kvm_exits.h"

#define TEXT_MAX ((size_t)64 << 10) /* 100 counters take 6 KiB */
#define NAME_BYTES_MAX 256
#define COUNTERS_MAX 4096

struct kvm_stats {
    int *fds; /* one for each vCPU */
    size_t count, capacity;
    char *text;
};

static bool is_inside(uint64_t offset, uint64_t bytes, size_t length)
{
    return offset <= length && bytes <= length - offset;
}

static int parse_counter(const char *text, size_t length, const struct kvm_stats_header *header,
                         uint64_t at, void (*found)(const char *, uint64_t, void *), void *context)
{
    struct kvm_stats_desc counter;
    char name[NAME_BYTES_MAX + 1];
    uint64_t value;
    if (!is_inside(at, sizeof(counter) + header->name_size, length))
        return -EBADMSG;
    memcpy(&counter, text + at, sizeof(counter));
    memcpy(name, text + at + sizeof(counter), header->name_size);
    name[header->name_size] = '\0';
    if ((counter.flags & KVM_STATS_TYPE_MASK) != KVM_STATS_TYPE_CUMULATIVE || counter.size != 1)
        return 0;
    uint64_t where = (uint64_t)header->data_offset + counter.offset;
    if (!is_inside(where, sizeof(value), length))
        return -EBADMSG;
    memcpy(&value, text + where, sizeof(value));
    found(name, value, context);
    return 0;
}

int kvm_stats_parse(const void *text, size_t length,
                    void (*found)(const char *name, uint64_t value, void *context), void *context)
{
    struct kvm_stats_header header;
    if (length < sizeof(header))
        return -EBADMSG;
    memcpy(&header, text, sizeof(header));
    if (header.name_size == 0 || header.name_size > NAME_BYTES_MAX ||
        header.num_desc > COUNTERS_MAX)
        return -EBADMSG;
    uint64_t step = sizeof(struct kvm_stats_desc) + header.name_size;
    for (uint64_t i = 0; i < header.num_desc; i++) {
        int rc =
            parse_counter(text, length, &header, header.desc_offset + i * step, found, context);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Where a process keeps its machine, and whether that is ourselves. */
struct holder {
    int pid_fd;
    int directory_fd;
    bool is_own;
};

static int copy_descriptor(const struct holder *holder, const char *name)
{
    int fd = (int)syscall(SYS_pidfd_getfd, holder->pid_fd, (int)strtol(name, NULL, 10), 0);
    return fd < 0 ? -errno : fd;
}

/* KVM answers a vCPU's own process alone (-EIO to others, Linux 6.18), but a descriptor of
 * statistics that this keeps may be read by whoever has a copy. -ENOENT: it is something else. */
static int open_statistics(const struct holder *holder, const char *name)
{
    static const char vcpu_start[] = "anon_inode:kvm-vcpu:";
    static const char stats_start[] = "anon_inode:kvm-vcpu-stats:";
    const char *start = holder->is_own ? vcpu_start : stats_start;
    char target[64] = "";
    if (readlinkat(holder->directory_fd, name, target, sizeof(target) - 1) < 0 ||
        strncmp(target, start, strlen(start)) != 0)
        return -ENOENT;
    if (!holder->is_own)
        return copy_descriptor(holder, name);
    int fd = ioctl((int)strtol(name, NULL, 10), KVM_GET_STATS_FD, NULL);
    return fd < 0 ? -errno : fd;
}

static int open_vcpus(struct kvm_stats *stats, const struct holder *holder, DIR *directory)
{
    for (const struct dirent *entry; (entry = readdir(directory));) {
        int fd = open_statistics(holder, entry->d_name);
        if (fd == -ENOENT || fd == -EBADF) /* something else, or closed meanwhile */
            continue;
        if (fd < 0)
            return fd;
        MEM_GROW(stats->fds, stats->count, stats->capacity);
        stats->fds[stats->count++] = fd;
    }
    return stats->count ? 0 : -ENOENT;
}

static int explain(int rc, struct error *err)
{
    switch (rc) {
    case -ENOENT:
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "this process keeps no statistics of KVM's open (QEMU 8.1 and later do)");
    case -EPERM:
    case -EACCES:
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "KVM's statistics of another's machine: only root may reach its vCPUs");
    case -ENOTTY:
    case -ENOSYS:
        return error_set(err, ERROR_ENVIRONMENT, rc,
                         "this kernel has no binary statistics of KVM (Linux 5.14)");
    default:
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "open KVM's statistics");
    }
}

DEFINE_CLEANUP(struct kvm_stats *, kvm_stats_close);

int kvm_stats_open(pid_t pid, struct kvm_stats **out_stats, struct error *err)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    CLEANUP(kvm_stats_close_cleanup) struct kvm_stats *stats = mem_zalloc(sizeof(*stats));
    CLEANUP_FD int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    DIR *directory = pid_fd < 0 ? NULL : opendir(path);
    const struct holder holder = {pid_fd, directory ? dirfd(directory) : -1, pid == getpid()};
    int rc = directory ? open_vcpus(stats, &holder, directory) : -errno;
    if (directory)
        closedir(directory);
    if (rc < 0)
        return explain(rc, err);
    stats->text = mem_alloc(TEXT_MAX);
    *out_stats = TAKE_PTR(stats);
    return 0;
}

static void add_counter(const char *name, uint64_t value, void *context)
{
    struct machine_usage *usage = context;
    const char *reason = kvm_exits_name(name);
    size_t i = 0;
    if (strcmp(name, "exits") == 0)
        usage->exits.value += value;
    while (reason && i < usage->exit_part_count && usage->exit_parts[i].name != reason)
        i++;
    if (!reason)
        return;
    if (i == usage->exit_part_count)
        usage->exit_parts[usage->exit_part_count++] = (struct machine_part){.name = reason};
    usage->exit_parts[i].value += value;
}

int kvm_stats_each(struct kvm_stats *stats,
                   void (*found)(const char *name, uint64_t value, void *context), void *context)
{
    for (size_t i = 0; i < stats->count; i++) {
        ssize_t length = pread(stats->fds[i], stats->text, TEXT_MAX, 0);
        int rc = length < 0 ? -errno : kvm_stats_parse(stats->text, (size_t)length, found, context);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void kvm_stats_read(struct kvm_stats *stats, struct machine_usage *usage)
{
    usage->exits = (struct machine_figure){.missing = NULL};
    usage->exit_part_count = 0;
    if (kvm_stats_each(stats, add_counter, usage) < 0)
        usage->exits.missing = "KVM's statistics cannot be read";
}

struct kvm_stats *kvm_stats_close(struct kvm_stats *stats)
{
    if (!stats)
        return NULL;
    for (size_t i = 0; i < stats->count; i++)
        close(stats->fds[i]);
    free(stats->fds);
    free(stats->text);
    free(stats);
    return NULL;
}
