/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/xdg.h"

#define MARK "running"

static void sweep_one(const char *directory)
{
    CLEANUP_FREE char *mark = mem_printf("%s/" MARK, directory);
    CLEANUP_FD int fd = open(mark, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        file_remove_tree(directory, NULL);
}

static void sweep(const char *parent)
{
    DIR *directory = opendir(parent);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", parent, entry->d_name);
        if (entry->d_name[0] != '.')
            sweep_one(path);
    }
    if (directory)
        closedir(directory);
}

static char *name_directory(const char *parent, const char *name)
{
    char stamp[32];
    struct tm local;
    time_t now = (time_t)(clock_realtime_ns() / NS_PER_S);
    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    return mem_printf("%s/%s-%s-%d", parent, name, stamp, (int)getpid());
}

int place_open(const char *name, struct place *out_place, struct error *err)
{
    CLEANUP_FREE char *parent = xdg_data_path("lab");
    sweep(parent);
    CLEANUP_PLACE struct place place = {.directory = name_directory(parent, name), .lock_fd = -1};
    int rc = file_make_directories(place.directory, 0700, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *mark = place_path(&place, MARK);
    place.lock_fd = open(mark, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (place.lock_fd < 0 || flock(place.lock_fd, LOCK_EX | LOCK_NB) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "lock '%s'", mark);
    *out_place = place;
    place = (struct place){.lock_fd = -1};
    return 0;
}

char *place_path(const struct place *place, const char *file)
{
    return mem_printf("%s/%s", place->directory, file);
}

void place_keep(struct place *place)
{
    CLEANUP_FREE char *mark = place_path(place, MARK);
    unlink(mark);
    free(TAKE_PTR(place->directory));
}

void place_close(struct place *place)
{
    if (place->directory)
        file_remove_tree(place->directory, NULL);
    free(TAKE_PTR(place->directory));
    fd_cleanup(&place->lock_fd);
}
