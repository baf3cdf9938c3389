/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

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

static int refuse(int fd, const char *store_path, struct error *err)
{
    char text[32] = "";
    long pid = 0;
    if (pread(fd, text, sizeof(text) - 1, 0) > 0)
        pid = strtol(text, NULL, 10);
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
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            return errno == EWOULDBLOCK ? refuse(fd, store_path, err)
                                        : error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                                                          "lock store '%s'", store_path);
        if (!is_file_at(fd, path))
            continue;
        int rc = write_pid(fd);
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
