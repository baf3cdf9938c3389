/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define PATH_BYTES 320

ssize_t read_at(int directory_fd, char *buffer, size_t size, const char *format, ...)
{
    char path[PATH_BYTES];
    va_list ap;
    va_start(ap, format);
    int length = vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    if (length < 0 || length >= PATH_BYTES)
        return -ENAMETOOLONG;
    CLEANUP_FD int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t done = 0;
    while (done < size - 1) {
        ssize_t got = read(fd, buffer + done, size - 1 - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    buffer[done] = '\0';
    return (ssize_t)done;
}

DIR *read_open_directory(int directory_fd, const char *format, ...)
{
    char path[PATH_BYTES];
    va_list ap;
    va_start(ap, format);
    int length = vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    if (length < 0 || length >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory && fd >= 0)
        close(fd);
    return directory;
}

long read_next_number(DIR *directory)
{
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (number > 0 && *end == '\0')
            return number;
    }
    return 0;
}
