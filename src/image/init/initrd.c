/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "image/init/namespaces.h"

#define NEW_ROOT "/root"
#define ROOT_WAIT_MS 20000
#define ROOT_POLL_MS 2

static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && errno != ENODEV))
        init_complain(path);
    if (fd >= 0)
        close(fd);
}

static void load_modules(void)
{
    FILE *list = fopen(INIT_MODULE_LIST, "re");
    char path[512];
    while (list && fgets(path, sizeof(path), list)) {
        path[strcspn(path, "\n")] = '\0';
        load_module(path);
    }
    if (list)
        fclose(list);
}

static bool is_found(const char *device)
{
    bool has_link = strncmp(device, NAMESPACES_PREFIX, strlen(NAMESPACES_PREFIX)) == 0;
    errno = ENOENT;
    return !has_link || namespaces_link();
}

/* The driver finds its disks on its own time. */
static int mount_root(const char *device)
{
    const struct timespec pause = {.tv_nsec = ROOT_POLL_MS * 1000000L};
    mkdir(NEW_ROOT, 0755);
    for (int waited = 0; waited < ROOT_WAIT_MS; waited += ROOT_POLL_MS) {
        bool found = is_found(device);
        if (found && mount(device, NEW_ROOT, "ext4", MS_NOATIME, NULL) == 0)
            return 0;
        if (found && errno != ENOENT && errno != ENXIO && errno != ENODEV)
            break;
        nanosleep(&pause, NULL);
    }
    return -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    remove(path);
    return 0;
}

/* Frees the initrd's memory, and makes the mounted file system the root. */
static int switch_root(void)
{
    nftw("/modules.d", remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (mount("/dev", NEW_ROOT "/dev", NULL, MS_MOVE, NULL) < 0 ||
        mount("/proc", NEW_ROOT "/proc", NULL, MS_MOVE, NULL) < 0)
        return -1;
    unlink(INIT_MODULE_LIST);
    unlink("/init");
    if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
        return -1;
    return chdir("/");
}

void initrd_run(const struct boot_parameters *parameters)
{
    load_modules();
    if (mount_root(parameters->root) < 0) {
        init_complain(parameters->root);
        return;
    }
    if (switch_root() < 0) {
        init_complain("switch to the root file system");
        return;
    }
    char *const argv[] = {(char *)parameters->init, NULL};
    execv(argv[0], argv);
    init_complain(argv[0]);
}
