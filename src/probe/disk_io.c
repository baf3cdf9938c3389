/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/disk_io.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/pressure.h"

#define TEXT_MAX ((size_t)1 << 20)

const struct disk_io_roots disk_io_roots = {"/proc", "/sys/fs/cgroup", "/sys/dev/block"};

/* "rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", in any order. */
static void take_word(const char *word, struct disk_io *io)
{
    const struct {
        const char *key;
        uint64_t *value;
    } keys[] = {{"rbytes=", &io->read_bytes},
                {"wbytes=", &io->write_bytes},
                {"rios=", &io->reads},
                {"wios=", &io->writes}};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strncmp(word, keys[i].key, strlen(keys[i].key)) == 0)
            *keys[i].value = strtoull(word + strlen(keys[i].key), NULL, 10);
}

void disk_io_parse(const char *text, size_t length,
                   void (*found)(const struct disk_io *io, void *context), void *context)
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        struct disk_io io = {0};
        int at = 0;
        if (sscanf(line, "%u:%u %n", &io.major, &io.minor, &at) != 2 || at == 0 || !line[at])
            continue;
        line += at;
        for (char *word; (word = strsep(&line, " "));)
            take_word(word, &io);
        found(&io, context);
    }
}

static bool is_one_of(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* Also where nothing is to be read of who is in it. */
static bool has_others(const char *directory, const pid_t *pids, size_t count)
{
    CLEANUP_FREE char *path = mem_printf("%s/cgroup.procs", directory);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (file_read(path, TEXT_MAX, &text, &length, NULL) < 0)
        return true;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line && !is_one_of((pid_t)strtol(line, NULL, 10), pids, count))
            return true;
    return false;
}

/* Threads may be in cgroups below, which the controller io does not know: the nearest above. NULL:
 * there is none but the root. */
static char *find_directory(const struct disk_io_roots *roots, pid_t pid)
{
    CLEANUP_FREE char *path = mem_printf("%s/%d/cgroup", roots->proc, (int)pid);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (file_read(path, TEXT_MAX, &text, &length, NULL) < 0)
        return NULL;
    CLEANUP_FREE char *group = pressure_parse_cgroup(text, length);
    while (group && strlen(group) > 1) {
        char *directory = mem_printf("%s%s", roots->cgroup, group);
        CLEANUP_FREE char *file = mem_printf("%s/io.stat", directory);
        if (file_exists(file))
            return directory;
        free(directory);
        *strrchr(group, '/') = '\0';
    }
    return NULL;
}

int disk_io_read(const struct disk_io_roots *roots, const pid_t *pids, size_t count,
                 void (*found)(const struct disk_io *io, void *context), void *context,
                 struct error *err)
{
    CLEANUP_FREE char *directory = count ? find_directory(roots, pids[0]) : NULL;
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (!directory)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "it is in no cgroup (version 2) with the controller io");
    if (has_others(directory, pids, count))
        return error_set(err, ERROR_ENVIRONMENT, -EBUSY,
                         "other processes are in its cgroup '%s', too", directory);
    CLEANUP_FREE char *path = mem_printf("%s/io.stat", directory);
    int rc = file_read(path, TEXT_MAX, &text, &length, err);
    if (rc >= 0)
        disk_io_parse(text, length, found, context);
    return rc < 0 ? rc : 0;
}

char *disk_io_name(const struct disk_io_roots *roots, const struct disk_io *io)
{
    char target[PATH_MAX];
    CLEANUP_FREE char *path = mem_printf("%s/%u:%u", roots->block, io->major, io->minor);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = '\0';
    const char *slash = strrchr(target, '/');
    return slash ? mem_strdup(slash + 1) : mem_printf("%u-%u", io->major, io->minor);
}
