/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/console.h"
#include "machine/procfs.h"

#define ARGV_MAX 400
#define ENTRIES_MAX 100 /* at the top of the root file system */

struct sandbox {
    pid_t pid; /* of bubblewrap */
    int exit_status;
    char *name;
    char *address;
    uint16_t port;
    int network_namespace_fd;
    char *work;
    char *log;
    char *passwd; /* unprivileged: who "root" is inside; NULL: the image's own */
    const struct image *image;
};

DEFINE_CLEANUP(struct sandbox *, sandbox_stop);

struct words {
    const char *items[ARGV_MAX];
    size_t count;
    char *owned[2 * ENTRIES_MAX];
    size_t owned_count;
};

static void words_done(struct words *words)
{
    for (size_t i = 0; i < words->owned_count; i++)
        free(words->owned[i]);
}

/* Keeps an allocated text as long as the words. */
static const char *own(struct words *words, char *text)
{
    words->owned[words->owned_count++] = text;
    return text;
}

static void add_words(struct words *words, const char *const *items)
{
    for (; *items && words->count < ARGV_MAX - 1; items++)
        words->items[words->count++] = *items;
}
#define ADD_WORDS(words, ...) add_words(words, (const char *const[]){__VA_ARGS__, NULL})

int sandbox_probe(struct error *err)
{
    if (!process_find_program("bwrap"))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "start a sandbox: no program 'bwrap': install the package bubblewrap");
    static const char *const argv[] = {"bwrap",         "--ro-bind", "/",    "/",
                                       "--unshare-pid", "--dev",     "/dev", "--proc",
                                       "/proc",         "true",      NULL};
    int rc = process_check(argv, 10 * NS_PER_S, NULL, err);
    if (rc >= 0)
        return 0;
    return error_prefix(err, "start a sandbox (an unprivileged user needs user namespaces: sysctl "
                             "kernel.unprivileged_userns_clone=1 user.max_user_namespaces)");
}

/* The image was built with host keys in one of these places. */
static int find_host_key(const struct image *image, char **out_inside, struct error *err)
{
    static const char *const names[] = {"/etc/dropbear/dropbear_ed25519_host_key",
                                        "/etc/dropbear/dropbear_ecdsa_host_key",
                                        "/etc/dropbear/dropbear_rsa_host_key"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP_FREE char *path = mem_printf("%s%s", image->root, names[i]);
        if (!file_exists(path))
            continue;
        *out_inside = mem_strdup(names[i]);
        return 0;
    }
    return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                     "start a sandbox: no dropbear host key in '%s/etc/dropbear': the root file "
                     "system must be one that `vtax image build` made",
                     image->root);
}

/* Without root the one user inside is we ourselves, under the name that the channel logs in as. */
static int write_passwd(struct sandbox *sandbox, const char *directory, struct error *err)
{
    if (geteuid() == 0)
        return 0;
    CLEANUP_FREE char *text =
        mem_printf("root:x:%u:%u::/root:/bin/sh\n", (unsigned)geteuid(), (unsigned)getegid());
    sandbox->passwd = mem_printf("%s/passwd", directory);
    return file_write_atomic(sandbox->passwd, text, strlen(text), 0644, err);
}

/* One entry at the top of the image's root: shown read-only, or made anew. */
static void add_entry(struct words *words, const char *root, const char *name)
{
    static const char *const made_anew[] = {".", "..", "dev", "proc", "sys", "tmp", "run", "work"};
    for (size_t i = 0; i < COUNT_OF(made_anew); i++)
        if (strcmp(name, made_anew[i]) == 0)
            return;
    const char *path = own(words, mem_printf("%s/%s", root, name));
    const char *inside = own(words, mem_printf("/%s", name));
    char target[256];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0) {
        ADD_WORDS(words, "--ro-bind", path, inside);
        return;
    }
    target[length] = '\0';
    ADD_WORDS(words, "--symlink", own(words, mem_strdup(target)), inside);
}

/* The root itself is assembled, not bound: a read-only one need not have a place for /work. */
static int add_file_systems(struct words *words, const struct sandbox *sandbox, struct error *err)
{
    const char *root = sandbox->image->root;
    DIR *dir = opendir(root);
    if (!dir)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open root file system '%s'", root);
    const struct dirent *entry;
    while ((entry = readdir(dir)) && words->owned_count + 3 < COUNT_OF(words->owned))
        add_entry(words, root, entry->d_name);
    closedir(dir);
    ADD_WORDS(words, "--dev", "/dev", "--proc", "/proc", "--ro-bind-try", "/sys", "/sys", "--tmpfs",
              "/tmp", "--tmpfs", "/run", "--bind", sandbox->work, SANDBOX_WORK_DIRECTORY,
              "--remount-ro", "/");
    if (sandbox->passwd)
        ADD_WORDS(words, "--ro-bind", sandbox->passwd, "/etc/passwd");
    return 0;
}

static int spawn(struct sandbox *sandbox, const struct sandbox_options *options,
                 const char *host_key, struct error *err)
{
    CLEANUP_FREE char *listen = mem_printf("%s:%u", sandbox->address, sandbox->port);
    CLEANUP_FD int log_fd =
        open(sandbox->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log_fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "create '%s'", sandbox->log);
    CLEANUP(words_done) struct words words = {0};
    ADD_WORDS(&words, "bwrap");
    int rc = add_file_systems(&words, sandbox, err);
    if (rc < 0)
        return rc;
    ADD_WORDS(&words, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname",
              sandbox->name, "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH",
              "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "--setenv", "HOME",
              "/root", "--chdir", "/", "--", "/usr/sbin/dropbear", "-F", "-E", "-m", "-s", "-j",
              "-k", "-W", "1048576", "-r", host_key, "-p", listen, "-P", "/run/dropbear.pid");
    int cpus[CPU_SETSIZE];
    size_t cpu_count = 0;
    for (; cpu_count < options->cpus->count && cpu_count < COUNT_OF(cpus); cpu_count++)
        cpus[cpu_count] = (int)options->cpus->items[cpu_count];
    const struct option_counts *nodes = options->memory_nodes;
    struct process_options process = {
        .argv = words.items,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
        .cpus = cpu_count ? cpus : NULL,
        .cpu_count = cpu_count,
        .memory_nodes = nodes && nodes->count ? nodes->items : NULL,
        .memory_node_count = nodes ? nodes->count : 0,
        .network_namespace_fd = options->network_namespace_fd,
        .own_group = true,
        .dies_with_parent = true,
    };
    sandbox->pid = process_start(&process, err);
    return sandbox->pid < 0 ? sandbox->pid : 0;
}

int sandbox_start(const struct sandbox_options *options, struct sandbox **out_sandbox,
                  struct error *err)
{
    if (!options->image->root)
        return error_set(
            err, ERROR_USAGE, -EINVAL,
            "start a sandbox: the image has no root file system: name one (root: DIR)");
    CLEANUP(sandbox_stop_cleanup) struct sandbox *sandbox = mem_zalloc(sizeof(*sandbox));
    sandbox->image = options->image;
    sandbox->name = mem_strdup(options->name);
    sandbox->address = mem_strdup(options->address);
    sandbox->port = options->port;
    sandbox->network_namespace_fd = options->network_namespace_fd;
    sandbox->work = mem_printf("%s/work", options->directory);
    sandbox->log = mem_printf("%s/console", options->directory);
    sandbox->exit_status = -1;
    CLEANUP_FREE char *host_key = NULL;
    int rc = find_host_key(options->image, &host_key, err);
    if (rc >= 0)
        rc = file_make_directories(sandbox->work, 0755, err);
    if (rc >= 0)
        rc = write_passwd(sandbox, options->directory, err);
    if (rc >= 0)
        rc = spawn(sandbox, options, host_key, err);
    if (rc >= 0)
        *out_sandbox = TAKE_PTR(sandbox);
    return rc;
}

int sandbox_check_alive(struct sandbox *sandbox, struct error *err)
{
    if (sandbox->pid > 0) {
        int status = process_wait(sandbox->pid, 1);
        if (status < 0)
            return 0; /* still running; Ctrl-C is for others to notice */
        sandbox->exit_status = status;
        sandbox->pid = 0;
    }
    if (sandbox->exit_status > 255)
        return error_set(err, ERROR_FAILED, -EPIPE, "sandbox '%s' was killed by signal %d",
                         sandbox->name, sandbox->exit_status - 256);
    CLEANUP_FREE char *last = console_read_last_line(sandbox->log);
    return error_set(err, ERROR_FAILED, -EPIPE, "sandbox '%s' ended with exit code %d: %s",
                     sandbox->name, sandbox->exit_status, last ? last : "no message");
}

void sandbox_endpoint(const struct sandbox *sandbox, struct channel_options *out_options)
{
    out_options->address = sandbox->address;
    out_options->port = sandbox->port;
    out_options->key_path = sandbox->image->key;
    out_options->host_key = sandbox->image->host_key;
    out_options->network_namespace_fd = sandbox->network_namespace_fd;
}

int sandbox_read_cpu(const struct sandbox *sandbox, uint64_t *out_cpu_ns, struct error *err)
{
    return procfs_read_tree_cpu("/proc", sandbox->pid, out_cpu_ns, err);
}

pid_t sandbox_pid(const struct sandbox *sandbox)
{
    return sandbox->pid;
}

const char *sandbox_host_work(const struct sandbox *sandbox)
{
    return sandbox->work;
}

char *sandbox_console_tail(const struct sandbox *sandbox)
{
    return console_read_tail(sandbox->log);
}

struct sandbox *sandbox_stop(struct sandbox *sandbox)
{
    if (!sandbox)
        return NULL;
    if (sandbox->pid > 0)
        process_stop(sandbox->pid, 0); /* its child dies with it, and with that the PID namespace */
    if (sandbox->work)
        file_remove_tree(sandbox->work, NULL);
    if (sandbox->log)
        unlink(sandbox->log);
    if (sandbox->passwd)
        unlink(sandbox->passwd);
    free(sandbox->name);
    free(sandbox->address);
    free(sandbox->work);
    free(sandbox->log);
    free(sandbox->passwd);
    free(sandbox);
    return NULL;
}
