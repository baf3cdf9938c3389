/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/libvirt_door.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/xdg.h"
#include "machine/record.h"

#define IDLE_NS (5 * NS_PER_S)

static const char driver_path[] =
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so";
static const char driver_user[] = "libvirt-qemu"; /* compiled into Debian's driver */

/* The event loop and the driver in the process are one per process by libvirt's design, hence the
 * file-scope state here. The loop runs from the first opening to the end of the process. */
static pthread_once_t event_loop_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users; /* of the driver's directory */

static void *run_event_loop(void *unused)
{
    (void)unused;
    while (virEventRunDefaultImpl() == 0)
        ;
    return NULL;
}

static void ignore_error(void *context, virErrorPtr error)
{
    (void)context, (void)error; /* libvirt_fail() fetches it */
}

static void wake_nothing(int timer, void *context)
{
    (void)timer, (void)context;
}

/* libvirt logs to standard error what it also returns as errors, and much that is none. */
static void quieten(void)
{
    setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0);
}

/* Signals are for the main thread. */
static void start_event_loop(void)
{
    quieten();
    virInitialize();
    virSetErrorFunc(NULL, ignore_error);
    virEventRegisterDefaultImpl();
    virEventAddTimeout(60000, wake_nothing, NULL, NULL); /* the loop wants something to wait for */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_event_loop, NULL) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int libvirt_fail(struct error *err, const char *what)
{
    virErrorPtr last = virGetLastError();
    const char *message = last && last->message ? last->message : "no message from libvirt";
    return error_set(err, ERROR_FAILED, -EIO, "%s: %s", what, message);
}

void libvirt_door_pin(struct libvirt_pin *pin)
{
    pin->pinned = sched_getaffinity(0, sizeof(pin->before), &pin->before) == 0;
    cpu_set_t first;
    CPU_ZERO(&first);
    for (size_t cpu = 0; pin->pinned && cpu < CPU_SETSIZE && CPU_COUNT(&first) == 0; cpu++)
        if (CPU_ISSET(cpu, &pin->before))
            CPU_SET(cpu, &first);
    if (pin->pinned)
        pin->pinned = sched_setaffinity(0, sizeof(first), &first) == 0;
}

void libvirt_door_unpin(struct libvirt_pin *pin)
{
    if (pin->pinned)
        sched_setaffinity(0, sizeof(pin->before), &pin->before);
    pin->pinned = 0;
}

int libvirt_door_probe(struct error *err)
{
    if (!file_exists(driver_path))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "no '%s': install the package libvirt-daemon-driver-qemu", driver_path);
    if (geteuid() == 0 && !getpwnam(driver_user))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "libvirt's driver wants a user '%s', which is not there: useradd --system "
                         "--no-create-home --user-group --shell /usr/sbin/nologin %s",
                         driver_user, driver_user);
    return 0;
}

/* What the driver knows about QEMU is kept between runs. */
static int link_cache(const char *root, struct error *err)
{
    CLEANUP_FREE char *cache = xdg_cache_path("libvirt");
    CLEANUP_FREE char *link = mem_printf("%s/cache", root);
    int rc = file_make_directories(cache, 0700, err);
    if (rc < 0)
        return rc;
    if (symlink(cache, link) < 0 && errno != EEXIST)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make link '%s'", link);
    return 0;
}

/* No log daemon, no cgroups (whose counters would outlive a machine), no labels or owners: the
 * files are ours alone. */
static int write_configuration(const char *root, struct error *err)
{
    static const char as_root[] = "user = \"root\"\ngroup = \"root\"\n";
    static const char text[] = "stdio_handler = \"file\"\n"
                               "security_driver = \"none\"\n"
                               "dynamic_ownership = 0\n"
                               "remember_owner = 0\n"
                               "cgroup_controllers = []\n"
                               "namespaces = []\n";
    CLEANUP_FREE char *path = mem_printf("%s/etc/qemu.conf", root);
    CLEANUP_FREE char *all = mem_printf("%s%s", text, geteuid() == 0 ? as_root : "");
    return file_write_atomic(path, all, strlen(all), 0600, err);
}

/* The driver stays in the process when its last connection is closed, and does not make these again
 * when the next one is opened. */
static int make_skeleton(const char *root, struct error *err)
{
    static const char *const names[] = {"etc", "lib/qemu", "log/qemu", "run/qemu"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", root, names[i]);
        int rc = file_make_directories(path, 0700, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Returns how many there are now. */
static unsigned count_user(int change)
{
    pthread_mutex_lock(&users_lock);
    users += (unsigned)change;
    unsigned now = users;
    pthread_mutex_unlock(&users_lock);
    return now;
}

static int prepare_root(char **out_root, struct error *err)
{
    CLEANUP_FREE char *own = NULL;
    int rc = record_open_directory(&own, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *root = mem_printf("%s/l", own); /* short: UNIX sockets lie below it */
    rc = record_add(root, err);
    if (rc >= 0)
        rc = make_skeleton(root, err);
    if (rc >= 0)
        rc = write_configuration(root, err);
    if (rc >= 0)
        rc = link_cache(root, err);
    if (rc < 0)
        return rc;
    count_user(1);
    *out_root = TAKE_PTR(root);
    return 0;
}

int libvirt_door_open(const char *uri, struct libvirt_door *out_door, struct error *err)
{
    struct libvirt_door door = {0};
    int rc = uri ? 0 : prepare_root(&door.root, err);
    if (rc < 0)
        return rc;
    pthread_once(&event_loop_once, start_event_loop);
    CLEANUP_FREE char *embedded = mem_printf("qemu:///embed?root=%s", door.root ? door.root : "");
    struct libvirt_pin pin;
    libvirt_door_pin(&pin);
    door.connection = virConnectOpen(uri ? uri : embedded);
    libvirt_door_unpin(&pin);
    if (!door.connection) {
        CLEANUP_FREE char *what = mem_printf("open libvirt '%s'", uri ? uri : embedded);
        rc = libvirt_fail(err, what);
        libvirt_door_close(&door);
        return rc;
    }
    *out_door = door;
    return 0;
}

int libvirt_door_probe_uri(const char *uri, struct error *err)
{
    const char *authority = strstr(uri, "://");
    if (!authority || authority[3] != '/')
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "open libvirt '%s': not a libvirt of this host: give one such as "
                         "qemu:///system or qemu:///session",
                         uri);
    struct libvirt_door door;
    int rc = libvirt_door_open(uri, &door, err);
    if (rc >= 0)
        libvirt_door_close(&door);
    return rc;
}

/* Until the driver has tidied up behind machines that were killed. */
static void wait_idle(virConnectPtr connection)
{
    uint64_t deadline_ns = clock_monotonic_ns() + IDLE_NS;
    while (virConnectNumOfDomains(connection) > 0 && clock_monotonic_ns() < deadline_ns)
        clock_sleep_ns(10 * NS_PER_MS);
}

void libvirt_door_close(struct libvirt_door *door)
{
    bool last = door->root && count_user(-1) == 0;
    if (door->connection && last)
        wait_idle(door->connection);
    if (door->connection)
        virConnectClose(door->connection);
    if (last)
        record_remove(door->root, NULL);
    free(door->root);
    *door = (struct libvirt_door){0};
}
