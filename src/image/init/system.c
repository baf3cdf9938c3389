/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SSH_PORT 22
#define SSH_WAIT_MS 30000
#define SSH_POLL_MS 5
#define STOP_GRACE_MS 500

static const struct mount_row {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *data;
} mounts[] = {
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755,size=25%"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"},
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"debugfs", "/sys/kernel/debug", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"tracefs", "/sys/kernel/tracing", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
};

void system_mount(void)
{
    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        const struct mount_row *row = &mounts[i];
        mkdir(row->path, 0755);
        if (mount(row->type, row->path, row->type, row->flags, row->data) < 0 && errno != EBUSY)
            init_complain(row->path);
    }
    mkdir("/run/lock", 01777);
    symlink("/proc/self/fd", "/dev/fd");
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

/* In a session and process group of its own, logging to the console, with the signals as usual. */
static pid_t start_ssh_server(void)
{
    static const char *const argv[] = {"/usr/sbin/dropbear",
                                       "-F", /* stays our child */
                                       "-E", /* logs to the console */
                                       "-m", /* no message of the day */
                                       "-s", /* keys only */
                                       "-j",
                                       "-k", /* no forwarding */
                                       "-r",
                                       "/etc/dropbear/dropbear_ed25519_host_key",
                                       "-p",
                                       "22",
                                       "-W",
                                       "1048576",
                                       NULL};
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
        "LANG=C.UTF-8", NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attributes, &none);
    pid_t pid = -1;
    errno = posix_spawn(&pid, argv[0], NULL, &attributes, (char *const *)argv,
                        (char *const *)environment);
    posix_spawnattr_destroy(&attributes);
    if (errno) {
        init_complain(argv[0]);
        return -1;
    }
    return pid;
}

/* Is somebody listening? A look at the kernel's table, since a connection would cost the server a
 * process. */
static int ssh_listens(void)
{
    char line[256];
    char wanted[32];
    int found = 0;
    snprintf(wanted, sizeof(wanted), ":%04X 00000000", SSH_PORT);
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    for (size_t i = 0; i < 2 && !found; i++) {
        FILE *table = fopen(tables[i], "re");
        while (table && !found && fgets(line, sizeof(line), table))
            found = strstr(line, wanted) != NULL;
        if (table)
            fclose(table);
    }
    return found;
}

static void announce_ready(void)
{
    for (int waited = 0; !ssh_listens() && waited < SSH_WAIT_MS; waited += SSH_POLL_MS)
        sleep_ms(SSH_POLL_MS);
    if (ssh_listens())
        printf("\n" INIT_READY_TEXT "\n");
}

static void power_off(void)
{
    kill(-1, SIGTERM);
    for (int waited = 0; waited < STOP_GRACE_MS && waitpid(-1, NULL, WNOHANG) >= 0; waited += 10)
        sleep_ms(10);
    kill(-1, SIGKILL);
    sync();
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    reboot(RB_POWER_OFF);
    _exit(0);
}

/* Reaps everything that ended; says whether the SSH server was among them. */
static int reap(pid_t ssh_server)
{
    int ended = 0;
    for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
        ended |= pid == ssh_server;
    return ended;
}

void system_serve(const struct boot_parameters *parameters)
{
    sigset_t handled;
    sigfillset(&handled);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    reboot(RB_DISABLE_CAD); /* ctrl-alt-del becomes SIGINT */
    sethostname(parameters->hostname, strlen(parameters->hostname));
    pid_t ssh_server = start_ssh_server();
    announce_ready();
    sigemptyset(&handled);
    for (const int *signal = (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGPWR, 0}; *signal; signal++)
        sigaddset(&handled, *signal);
    for (;;) {
        int got = sigwaitinfo(&handled, NULL);
        if (got == SIGTERM || got == SIGINT || got == SIGPWR)
            power_off();
        if (got == SIGCHLD && reap(ssh_server)) {
            sleep_ms(100); /* a server that cannot start must not eat the machine */
            ssh_server = start_ssh_server();
        }
    }
}
