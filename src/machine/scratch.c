/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/process.h"

#define CHUNK ((size_t)1 << 20)
#define QEMU_IMG_NS (60 * NS_PER_S)

/* Real blocks: neither holes nor unwritten extents, which the first write would have to convert,
 * nor extents shared with the source. */
static int fill(int fd, uint64_t bytes, int source_fd, struct error *err)
{
    CLEANUP_FREE char *chunk = mem_alloc(CHUNK);
    bool more = source_fd >= 0;
    for (uint64_t done = 0; done < bytes;) {
        size_t want = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;
        ssize_t got = more ? read(source_fd, chunk, want) : 0;
        if (got < 0 && errno != EINTR)
            return error_set_errno(err, ERROR_FAILED, -errno, "read the scratch data");
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
        if (got < 0)
            continue;
        more = got > 0;
        if (!more)
            memset(chunk, 0, want);
        size_t length = more ? (size_t)got : want;
        rc = fd_write_all(fd, chunk, length);
        if (rc < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, rc, "write");
        done += length;
    }
    return 0;
}

int scratch_make(const char *path, uint64_t bytes, const char *source, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make scratch disk '%s'", path);
    CLEANUP_FD int source_fd = source ? open(source, O_RDONLY | O_CLOEXEC) : -1;
    if (source && source_fd < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "open '%s'", source);
    int rc = posix_fallocate(fd, 0, (off_t)bytes);
    if (rc != 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -rc, "make scratch disk '%s'", path);
    rc = fill(fd, bytes, source_fd, err);
    if (rc < 0)
        return error_prefix(err, "make scratch disk '%s'", path);
    if (fsync(fd) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make scratch disk '%s'", path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

int scratch_check_direct(const char *path, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd >= 0)
        return 0;
    return error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                           "open scratch disk '%s' with O_DIRECT (put the campaign's directory on "
                           "a disk, or set disk-cache: writeback)",
                           path);
}

int scratch_make_overlay(const char *path, const char *base, const char *base_format,
                         struct error *err)
{
    const char *const argv[] = {"qemu-img", "create", "-q",        "-f", "qcow2", "-b",
                                base,       "-F",     base_format, path, NULL};
    int rc = process_check(argv, QEMU_IMG_NS, NULL, err);
    return rc < 0 ? error_prefix(err, "make overlay '%s'", path) : 0;
}
