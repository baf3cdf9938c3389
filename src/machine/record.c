/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/record.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/xdg.h"
#include "machine/procfs.h"

#define PROC "/proc"
#define NOTE_MAX 4096
#define END_WAIT_NS (5 * NS_PER_S)

int record_open_directory(char **out_path, struct error *err)
{
    struct procfs_stat stat;
    int rc = procfs_read_stat(PROC, getpid(), &stat);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "read '/proc/self/stat'");
    CLEANUP_FREE char *name = mem_printf("%d-%" PRIu64, getpid(), stat.start_ticks);
    CLEANUP_FREE char *path = xdg_runtime_path(name);
    rc = file_make_directories(path, 0700, err);
    if (rc >= 0)
        *out_path = TAKE_PTR(path);
    return rc;
}

/* DIRECTORY/note-DIGEST holds the path. */
static char *note_path(const char *directory, const char *path)
{
    char digest[DIGEST_TEXT_BYTES];
    digest_bytes(path, strlen(path), digest);
    return mem_printf("%s/note-%.16s", directory, digest);
}

int record_add(const char *path, struct error *err)
{
    CLEANUP_FREE char *directory = NULL;
    int rc = record_open_directory(&directory, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *note = note_path(directory, path);
    return file_write_atomic(note, path, strlen(path), 0600, err);
}

/* What we leave behind is a QEMU or a part of VirtualBox (all else dies with us); not the pager
 * that somebody looks at its console with. */
static bool is_hypervisor(pid_t pid)
{
    static const char *const names[] = {"qemu-", "VBoxHeadless", "VBoxSVC"};
    CLEANUP_FREE char *link = mem_printf(PROC "/%d/exe", pid);
    char path[NOTE_MAX] = "";
    if (readlink(link, path, sizeof(path) - 1) < 0)
        return false;
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; slash && i < COUNT_OF(names); i++)
        if (strncmp(slash + 1, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void kill_found(pid_t pid, void *context)
{
    unsigned *count = context;
    if (is_hypervisor(pid) && kill(pid, SIGKILL) == 0)
        (*count)++;
}

/* VirtualBox's server has its path in its environment alone. */
void record_end_processes(const char *path)
{
    CLEANUP_FREE char *below = mem_printf("%s/", path);
    CLEANUP_FREE char *home = mem_printf("VBOX_USER_HOME=%s/", path);
    uint64_t deadline_ns = clock_monotonic_ns() + END_WAIT_NS;
    for (;;) {
        unsigned count = 0;
        procfs_find_command(PROC, below, kill_found, &count);
        procfs_find_environment(PROC, home, kill_found, &count);
        if (count == 0 || clock_monotonic_ns() >= deadline_ns)
            return;
        clock_sleep_ns(20 * NS_PER_MS);
    }
}

static int remove_noted(const char *path, const char *note, struct error *err)
{
    record_end_processes(path);
    int rc = file_remove_tree(path, err);
    if (rc >= 0 && unlink(note) < 0 && errno != ENOENT)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "remove '%s'", note);
    return rc;
}

int record_remove(const char *path, struct error *err)
{
    CLEANUP_FREE char *directory = NULL;
    int rc = record_open_directory(&directory, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *note = note_path(directory, path);
    rc = remove_noted(path, note, err);
    rmdir(directory); /* when this was the last */
    return rc;
}

static int clean_note(const char *note, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    size_t length;
    int rc = file_read(note, NOTE_MAX, &path, &length, err);
    if (rc == -ENOENT)
        return 0; /* another process cleans as well */
    if (rc < 0)
        return rc;
    if (path[0] != '/' || length < 2)
        return error_set(err, ERROR_FAILED, -EBADMSG, "read '%s': no absolute path in it", note);
    return remove_noted(path, note, err);
}

static int clean_directory(const char *path, struct error *err)
{
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "note-", 5) != 0)
            continue;
        CLEANUP_FREE char *note = mem_printf("%s/%s", path, entry->d_name);
        int rc = clean_note(note, err);
        if (rc < 0)
            return rc;
    }
    record_end_processes(path);
    return file_remove_tree(path, err);
}

int record_clean_dead(struct error *err)
{
    CLEANUP_FREE char *runtime = xdg_runtime_path("");
    CLEANUP_DIRECTORY DIR *dir = opendir(runtime);
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", runtime);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int pid, matched = 0;
        uint64_t start_ticks;
        if (sscanf(entry->d_name, "%d-%" SCNu64 "%n", &pid, &start_ticks, &matched) != 2 ||
            entry->d_name[matched] != '\0' || procfs_is_alive(PROC, pid, start_ticks))
            continue;
        CLEANUP_FREE char *path = mem_printf("%s%s", runtime, entry->d_name);
        int rc = clean_directory(path, err);
        if (rc < 0)
            return error_prefix(err, "clean up after process %d", pid);
    }
    return 0;
}
