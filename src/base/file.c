/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"

void fd_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void stream_cleanup(FILE **stream)
{
    if (*stream)
        fclose(*stream);
}

void directory_cleanup(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int file_read(const char *path, size_t limit, char **out_text, size_t *out_length,
              struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", path);
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    for (;;) {
        char chunk[65536];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", path);
        if (got == 0)
            break;
        if (buf.length + (size_t)got > limit)
            return error_set(err, ERROR_USAGE, -EFBIG, "read '%s': larger than %zu bytes", path,
                             limit);
        strbuf_add(&buf, chunk, (size_t)got);
    }
    if (out_length)
        *out_length = buf.length;
    *out_text = strbuf_take(&buf);
    return 0;
}

int fd_write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = write(fd, at, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        at += done;
        length -= (size_t)done;
    }
    return 0;
}

int file_write_atomic(const char *path, const void *bytes, size_t length, unsigned mode,
                      struct error *err)
{
    CLEANUP_FREE char *draft = mem_printf("%s.XXXXXX", path);
    CLEANUP_FD int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write '%s'", path);
    int rc = fd_write_all(fd, bytes, length);
    if (rc == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(draft, path) < 0))
        rc = -errno;
    if (rc < 0) {
        unlink(draft);
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "write '%s'", path);
    }
    return 0;
}

int file_make_directories(const char *path, unsigned mode, struct error *err)
{
    CLEANUP_FREE char *part = mem_strdup(path);
    for (char *slash = part + 1;; slash++) {
        if (*slash && *slash != '/')
            continue;
        char kept = *slash;
        *slash = '\0';
        struct stat st;
        if (mkdir(part, mode) < 0 &&
            (errno != EEXIST || stat(part, &st) < 0 || !S_ISDIR(st.st_mode)))
            return error_set_errno(err, ERROR_ENVIRONMENT, errno == EEXIST ? -ENOTDIR : -errno,
                                   "make directory '%s'", part);
        *slash = kept;
        if (!kept)
            return 0;
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int file_remove_tree(const char *path, struct error *err)
{
    if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "remove '%s'", path);
    return 0;
}

uint64_t file_tree_bytes(const char *path)
{
    DIR *directory = opendir(path);
    uint64_t sum = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        sum += (uint64_t)st.st_blocks * 512;
        if (S_ISDIR(st.st_mode)) {
            CLEANUP_FREE char *below = mem_printf("%s/%s", path, entry->d_name);
            sum += file_tree_bytes(below);
        }
    }
    if (directory)
        closedir(directory);
    return sum;
}
