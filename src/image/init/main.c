/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

void init_complain(const char *what)
{
    fprintf(stderr, "vtax-init: %s: %s\n", what, strerror(errno));
}

/* The kernel opens /dev/console for us, unless the initrd has none yet. */
static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int to = 0; fd >= 0 && to < 3; to++)
        dup2(fd, to);
    if (fd > 2)
        close(fd);
    setvbuf(stdout, NULL, _IONBF, 0);
}

static void read_parameters(struct boot_parameters *parameters)
{
    char line[4096];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
    line[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
    boot_parameters_parse(line, parameters);
}

/* As `poweroff`, `halt` or `reboot`: asks the init that runs. */
static int ask_init(void)
{
    if (kill(1, SIGTERM) < 0) {
        init_complain("ask for power off");
        return 1;
    }
    return 0;
}

int main(void)
{
    if (getpid() != 1)
        return ask_init();
    struct boot_parameters parameters;
    mkdir("/proc", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
    open_console();
    read_parameters(&parameters);
    if (access(INIT_MODULE_LIST, F_OK) == 0) {
        initrd_run(&parameters);
        return 1; /* the kernel panics, and panic=-1 ends the machine */
    }
    system_mount();
    system_start_network();
    system_serve(&parameters);
}
