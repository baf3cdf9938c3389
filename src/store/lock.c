/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define ORPHAN_NS (5 * NS_PER_S)
#define ORPHAN_LOOK_NS (10 * NS_PER_MS)

/* The lock of a store that is reached through a symbolic link must be that of its target. */
static char *lock_path_of(const char *store_path)
{
    CLEANUP_FREE char *real = realpath(store_path, NULL);
    return mem_printf("%s-lock", real ? real : store_path);
}

/* False when the holder removed the file between our open() and flock(). */
static bool is_file_at(int fd, const char *path)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

/* 0: not known. */
static long read_holder(int fd)
{
    char text[32] = "";
    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

/* A child that the holder was about to start has the lock too until it is another program. When the
 * holder was killed at that moment, the lock is free as soon as the child has ended. */
static int lock_file(int fd)
{
    uint64_t end_ns = clock_monotonic_ns() + ORPHAN_NS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return -errno;
        long pid = read_holder(fd);
        bool is_orphan = pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
        if (!is_orphan || clock_monotonic_ns() >= end_ns || clock_sleep_ns(ORPHAN_LOOK_NS) < 0)
            return -EBUSY;
    }
    return 0;
}

static int refuse(int fd, const char *store_path, struct error *err)
{
    char text[32];
    long pid = read_holder(fd);
    if (pid > 0)
        snprintf(text, sizeof(text), "process %ld", pid);
    return error_set(err, ERROR_ENVIRONMENT, -EBUSY,
                     "open store '%s': another campaign (%s) is running on it; wait for its end, "
                     "or give this one a store of its own with --store",
                     store_path, pid > 0 ? text : "its process is not known");
}

static int write_pid(int fd)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    return fd_write_all(fd, text, (size_t)length);
}

int lock_take(const char *store_path, int *out_fd, char **out_path, struct error *err)
{
    CLEANUP_FREE char *path = lock_path_of(store_path);
    for (;;) {
        CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "lock store '%s': make '%s'",
                                   store_path, path);
        int rc = lock_file(fd);
        if (rc == -EBUSY)
            return refuse(fd, store_path, err);
        if (rc < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, rc, "lock store '%s'", store_path);
        if (!is_file_at(fd, path))
            continue;
        rc = write_pid(fd);
        if (rc < 0) {
            unlink(path);
            return error_set_errno(err, ERROR_ENVIRONMENT, rc, "lock store '%s'", store_path);
        }
        *out_fd = TAKE_FD(fd);
        *out_path = TAKE_PTR(path);
        return 0;
    }
}

void lock_release(int *fd, char **path)
{
    if (*fd >= 0) {
        unlink(*path);
        close(*fd);
    }
    *fd = -1;
    free(*path);
    *path = NULL;
}
