/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/bootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "base/units.h"

#define TIMEOUT_NS (1800 * NS_PER_S)
#define STOP_GRACE_NS (20 * NS_PER_S)
#define MESSAGES_MAX ((size_t)1 << 20)
#define ARGUMENTS_MAX 32

static const struct requirement {
    const char *program;
    const char *package;
} requirements[] = {
    {"mmdebstrap", "mmdebstrap"},
    {"apt-get", "apt"},
    {"mke2fs", "e2fsprogs"},
    {"debugfs", "e2fsprogs"},
    {"tar", "tar"},
    {"zstd", "zstd"},
    {"xz", "xz-utils"},
    {"ssh-keygen", "openssh-client"},
};

/* Is there a line "USER:FIRST:COUNT" with at least 65536 ids? */
static bool has_sub_ids(const char *path, const char *user, uid_t uid)
{
    CLEANUP_STREAM FILE *file = fopen(path, "re");
    char line[256];
    while (file && fgets(line, sizeof(line), file)) {
        char *rest = line;
        const char *name = strsep(&rest, ":");
        const char *first = strsep(&rest, ":");
        const char *count = strsep(&rest, ":\n");
        uint64_t named, ids;
        bool mine =
            strcmp(name, user) == 0 || (units_parse_count(name, &named) == 0 && named == uid);
        if (mine && first && count && units_parse_count(count, &ids) == 0 && ids >= 65536)
            return true;
    }
    return false;
}

static bool can_make_user_namespace(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0);
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int check_unprivileged(const char *what, struct error *err)
{
    const struct passwd *entry = getpwuid(geteuid());
    const char *user = entry ? entry->pw_name : "";
    if (!process_find_program("newuidmap"))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "build the %s: an ordinary user needs 'newuidmap' (package "
                         "uidmap); or build as root",
                         what);
    if (!has_sub_ids("/etc/subuid", user, geteuid()) ||
        !has_sub_ids("/etc/subgid", user, geteuid()))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "build the %s: user '%s' has no 65536 ids of its own in "
                         "/etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 "
                         "--add-subgids 100000-165535 USER); or build as root",
                         what, user);
    if (!can_make_user_namespace())
        return error_set(err, ERROR_ENVIRONMENT, -EPERM,
                         "build the %s: this kernel lets no ordinary user make a user "
                         "namespace (sysctl user.max_user_namespaces, "
                         "kernel.unprivileged_userns_clone, "
                         "kernel.apparmor_restrict_unprivileged_userns); or build as root",
                         what);
    return 0;
}

int bootstrap_check(const char *what, struct error *err)
{
    struct utsname host;
    if (uname(&host) < 0 || strcmp(host.machine, "x86_64") != 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "build the %s: it is for x86_64, and this host is '%s'", what,
                         host.machine);
    for (size_t i = 0; i < COUNT_OF(requirements); i++)
        if (!process_find_program(requirements[i].program))
            return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                             "build the %s: program '%s' is missing (package %s)", what,
                             requirements[i].program, requirements[i].package);
    return geteuid() == 0 ? 0 : check_unprivileged(what, err);
}

static bool ends_with(const char *text, size_t length, const char *suffix)
{
    size_t wanted = strlen(suffix);
    return length >= wanted && memcmp(text + length - wanted, suffix, wanted) == 0;
}

void bootstrap_choose_mirrors(const char *lines, struct bootstrap_mirrors *out_mirrors)
{
    *out_mirrors = (struct bootstrap_mirrors){0};
    for (const char *line = lines; *line;) {
        size_t length = strcspn(line, " \n");
        size_t bare = length > 0 && line[length - 1] == '/' ? length - 1 : length;
        bool http = strncmp(line, "http://", 7) == 0 || strncmp(line, "https://", 8) == 0;
        if (http && !out_mirrors->debian && ends_with(line, bare, "/debian"))
            out_mirrors->debian = mem_strndup(line, bare);
        if (http && !out_mirrors->security && ends_with(line, bare, "/debian-security"))
            out_mirrors->security = mem_strndup(line, bare);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

static void mirrors_done(struct bootstrap_mirrors *mirrors)
{
    free(mirrors->debian);
    free(mirrors->security);
}

/* What this host's apt uses; empty when that cannot be told. */
static void find_host_mirrors(struct bootstrap_mirrors *out_mirrors)
{
    const char *argv[] = {"apt-get",     "indextargets",         "--format",
                          "$(REPO_URI)", "Created-By: Packages", NULL};
    CLEANUP_FREE char *lines = NULL;
    if (process_check(argv, 30 * NS_PER_S, &lines, NULL) < 0)
        *out_mirrors = (struct bootstrap_mirrors){0};
    else
        bootstrap_choose_mirrors(lines, out_mirrors);
}

struct arguments {
    char *items[ARGUMENTS_MAX];
    size_t count;
};

static void arguments_done(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        free(arguments->items[i]);
}

static void add_argument(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_argument(struct arguments *arguments, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (arguments->count + 1 < ARGUMENTS_MAX)
        arguments->items[arguments->count++] = mem_vprintf(format, ap);
    va_end(ap);
}

/* A mirror that the user names is the only one; the host's own come with updates and security. With
 * neither, mmdebstrap has its own defaults. */
static void add_mirrors(struct arguments *arguments, const struct bootstrap_recipe *recipe,
                        const char *mirror)
{
    CLEANUP(mirrors_done) struct bootstrap_mirrors host = {0};
    if (mirror) {
        add_argument(arguments, "%s", mirror);
        return;
    }
    find_host_mirrors(&host);
    if (!host.debian)
        return;
    const char *suite = recipe->suite, *components = recipe->components;
    add_argument(arguments, "deb %s %s %s", host.debian, suite, components);
    if (recipe->rolling)
        return;
    add_argument(arguments, "deb %s %s-updates %s", host.debian, suite, components);
    if (host.security)
        add_argument(arguments, "deb %s %s-security %s", host.security, suite, components);
}

static void make_arguments(const struct bootstrap_options *options, struct arguments *arguments)
{
    const struct bootstrap_recipe *recipe = options->recipe;
    CLEANUP_STRBUF struct strbuf packages;
    strbuf_init(&packages);
    for (const char *const *package = recipe->packages; *package; package++)
        strbuf_addf(&packages, "%s%s", packages.length ? "," : "", *package);
    add_argument(arguments, "mmdebstrap");
    add_argument(arguments, "--mode=%s", geteuid() == 0 ? "root" : "unshare");
    add_argument(arguments, "--variant=essential");
    add_argument(arguments, "--architectures=amd64");
    add_argument(arguments, "--format=tar");
    add_argument(arguments, "--include=%s", packages.text);
    add_argument(arguments, "--aptopt=APT::Install-Recommends \"false\"");
    add_argument(arguments, "--aptopt=Acquire::Retries \"2\"");
    add_argument(arguments, "--aptopt=Acquire::http::Timeout \"30\"");
    if (recipe->rolling)
        add_argument(arguments, "--aptopt=Acquire::Check-Valid-Until \"false\"");
    for (const char *const *option = recipe->dpkg_options; *option; option++)
        add_argument(arguments, "--dpkgopt=%s", *option);
    /* Not used, and not the same twice: the rest of the tarball is. */
    add_argument(arguments, "--customize-hook=rm -f \"$1\"/boot/initrd.img*");
    add_argument(arguments, "--components=%s", recipe->components);
    add_argument(arguments, "%s", recipe->suite);
    add_argument(arguments, "%s", options->tarball);
    add_mirrors(arguments, recipe, options->mirror);
}

/* What mmdebstrap says when it begins a step, and how much of its time has then gone, as measured.
 */
static const struct step {
    const char *message;
    double share;
    const char *what;
} steps[] = {
    {"I: running apt-get update", 0.02, "reading package lists"},
    {"I: downloading packages", 0.08, "downloading packages"},
    {"I: extracting archives", 0.25, "unpacking the essential packages"},
    {"I: installing essential", 0.30, "installing the essential packages"},
    {"I: installing remaining", 0.40, "installing the other packages"},
    {"I: cleaning package lists", 0.88, "cleaning up"},
    {"I: creating tarball", 0.90, "packing the root file system"},
};

struct reader {
    const struct bootstrap_options *options;
    struct strbuf messages;
    size_t line_start;
};

static void take_lines(struct reader *reader)
{
    for (char *newline; (newline = strchr(reader->messages.text + reader->line_start, '\n'));) {
        const char *line = reader->messages.text + reader->line_start;
        for (size_t i = 0; i < COUNT_OF(steps); i++)
            if (strncmp(line, steps[i].message, strlen(steps[i].message)) == 0)
                reader->options->step(reader->options->context, steps[i].share, steps[i].what);
        reader->line_start = (size_t)(newline - reader->messages.text) + 1;
    }
}

/* Reads what mmdebstrap says until it ends its output. */
static int follow(int fd, struct reader *reader, struct error *err)
{
    const char *what = reader->options->recipe->what;
    uint64_t deadline_ns = clock_monotonic_ns() + TIMEOUT_NS;
    for (;;) {
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
        if (clock_monotonic_ns() > deadline_ns)
            return error_set(err, ERROR_ENVIRONMENT, -ETIMEDOUT,
                             "build the %s: mmdebstrap takes longer than 30 minutes", what);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 500) <= 0)
            continue;
        char chunk[4096];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read from mmdebstrap");
        if (got > 0 && reader->messages.length + (size_t)got < MESSAGES_MAX) {
            strbuf_add(&reader->messages, chunk, (size_t)got);
            take_lines(reader);
        }
    }
}

static const char *find_line(const char *text, const char *prefix)
{
    for (const char *line = text; *line;) {
        if (strncmp(line, prefix, strlen(prefix)) == 0)
            return line;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}

char *bootstrap_find_cause(const char *messages)
{
    static const char *const prefixes[] = {"Err:", "E: ", "W: "};
    const char *line = NULL;
    for (size_t i = 0; i < COUNT_OF(prefixes) && !line; i++)
        line = find_line(messages, prefixes[i]);
    if (!line)
        return mem_strdup("it says nothing");
    size_t length = strcspn(line, "\n");
    /* apt says why on the next line. */
    if (line[length] == '\n' && line[length + 1] == ' ')
        length += 1 + strcspn(line + length + 1, "\n");
    return mem_strndup(line, length);
}

static int complain(const struct bootstrap_options *options, const char *messages,
                    struct error *err)
{
    log_debug("mmdebstrap: %s", messages);
    CLEANUP_FREE char *cause = bootstrap_find_cause(messages);
    return error_set(err, ERROR_ENVIRONMENT, -EIO,
                     "build the %s: mmdebstrap failed: %s (it needs a Debian mirror: "
                     "%s%s; --mirror names another)",
                     options->recipe->what, cause,
                     options->mirror ? "it tried " : "it tried this host's own",
                     options->mirror ? options->mirror : "");
}

static pid_t start(const struct bootstrap_options *options, int messages_fd, struct error *err)
{
    CLEANUP(arguments_done) struct arguments arguments = {0};
    CLEANUP_FREE char *scratch = mem_printf("TMPDIR=%s", options->scratch);
    const char *proxy = getenv("http_proxy");
    CLEANUP_FREE char *proxy_setting = mem_printf("http_proxy=%s", proxy ? proxy : "");
    CLEANUP_FREE char *epoch = mem_printf("SOURCE_DATE_EPOCH=%s", options->recipe->epoch);
    const char *environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
        epoch,
        "INITRD=No", /* the kernel package's hooks then make none */
        scratch,
        proxy ? proxy_setting : NULL,
        NULL,
    };
    make_arguments(options, &arguments);
    struct process_options process = {
        .argv = (const char *const *)arguments.items,
        .environment = environment,
        .stdout_fd = messages_fd,
        .stderr_fd = messages_fd,
        .own_group = true,
        .dies_with_parent = true,
    };
    return process_start(&process, err);
}

/* mmdebstrap alone does not end: it waits for apt and dpkg, which have to be told too. It leads a
 * process group of its own. */
static void stop(pid_t pid)
{
    kill(-pid, SIGTERM);
    process_stop(pid, STOP_GRACE_NS);
    kill(-pid, SIGKILL);
}

int bootstrap_run(const struct bootstrap_options *options, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "start mmdebstrap");
    CLEANUP_FD int read_end = ends[0];
    pid_t pid = start(options, ends[1], err);
    close(ends[1]);
    if (pid < 0)
        return pid;
    struct reader reader = {.options = options};
    strbuf_init(&reader.messages);
    CLEANUP_FREE char *messages = NULL;
    int rc = follow(read_end, &reader, err);
    messages = strbuf_take(&reader.messages);
    strbuf_done(&reader.messages);
    int status = rc < 0 ? rc : process_wait(pid, STOP_GRACE_NS);
    if (status < 0) {
        stop(pid);
        return rc < 0 ? rc
                      : error_set_errno(err, ERROR_FAILED, status, "wait for mmdebstrap's end");
    }
    return status == 0 ? 0 : complain(options, messages, err);
}
