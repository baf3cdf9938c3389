/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/strbuf.h"

#define MEMORY_NODES_MAX 1024
#define LONG_BITS (8 * sizeof(unsigned long))

static const char search_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* The path of a program, the caller's to free, or NULL. An ordinary user's PATH often lacks the
 * sbin directories, so they are searched too. */
static char *find_program(const char *name)
{
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? mem_strdup(name) : NULL;
    const char *path = getenv("PATH");
    CLEANUP_FREE char *dirs = mem_printf("%s:%s", path ? path : "", search_path);
    char *rest = dirs;
    for (const char *dir; (dir = strsep(&rest, ":"));) {
        CLEANUP_FREE char *candidate = mem_printf("%s/%s", dir, name);
        if (*dir && access(candidate, X_OK) == 0)
            return TAKE_PTR(candidate);
    }
    return NULL;
}

static void report_and_exit(int report_fd)
{
    int code = errno;
    ssize_t ignored = write(report_fd, &code, sizeof(code));
    (void)ignored;
    _exit(127);
}

static void redirect(int from, int to, int report_fd)
{
    if (from == to) { /* keeps its number: only the close-on-exec flag has to go */
        fcntl(from, F_SETFD, 0);
        return;
    }
    if (dup2(from, to) < 0)
        report_and_exit(report_fd);
}

static void pin(const struct process_options *options, int report_fd)
{
    if (!options->cpus)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < options->cpu_count; i++)
        CPU_SET((size_t)options->cpus[i], &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        report_and_exit(report_fd);
}

/* The kernel takes the highest bit of a mask's size for one too many. */
static void bind_memory(const struct process_options *options, int report_fd)
{
    unsigned long mask[MEMORY_NODES_MAX / LONG_BITS] = {0};
    if (!options->memory_nodes)
        return;
    for (size_t i = 0; i < options->memory_node_count; i++) {
        uint64_t node = options->memory_nodes[i];
        if (node < MEMORY_NODES_MAX)
            mask[node / LONG_BITS] |= 1UL << node % LONG_BITS;
    }
    if (syscall(SYS_set_mempolicy, MPOL_BIND, mask, MEMORY_NODES_MAX + 1) < 0)
        report_and_exit(report_fd);
}

static void run_child(const struct process_options *options, const char *program, int null_fd,
                      int report_fd, pid_t parent)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (options->own_group)
        setpgid(0, 0);
    if (options->dies_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
    }
    if (options->network_namespace_fd && setns(options->network_namespace_fd, CLONE_NEWNET) < 0)
        report_and_exit(report_fd);
    pin(options, report_fd);
    bind_memory(options, report_fd);
    redirect(options->stdin_fd ? options->stdin_fd : null_fd, 0, report_fd);
    if (options->stdout_fd)
        redirect(options->stdout_fd, 1, report_fd);
    if (options->stderr_fd)
        redirect(options->stderr_fd, 2, report_fd);
    if (options->directory && chdir(options->directory) < 0)
        report_and_exit(report_fd);
    char *const *environment = options->environment ? (char *const *)options->environment : environ;
    execve(program, (char *const *)options->argv, environment);
    report_and_exit(report_fd);
}

pid_t process_start(const struct process_options *options, struct error *err)
{
    const char *name = options->argv[0];
    CLEANUP_FREE char *program = find_program(name);
    if (!program)
        return error_set_errno(err, ERROR_ENVIRONMENT, -ENOENT, "start '%s'", name);
    CLEANUP_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int report[2];
    if (null_fd < 0 || pipe2(report, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "start '%s'", name);
    CLEANUP_FD int report_read = report[0];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_child(options, program, null_fd, report[1], parent);
    int fork_errno = errno;
    close(report[1]);
    if (pid < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -fork_errno, "start '%s'", name);

    int code = 0;
    ssize_t got;
    do
        got = read(report_read, &code, sizeof(code));
    while (got < 0 && errno == EINTR);
    if (got != sizeof(code))
        return pid;
    waitpid(pid, NULL, 0);
    return error_set_errno(err, ERROR_ENVIRONMENT, -code, "start '%s'", name);
}

static int decode(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int wait_until(pid_t pid, uint64_t timeout_ns, bool heed_interrupt)
{
    CLEANUP_FD int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    uint64_t deadline_ns = clock_monotonic_ns() + timeout_ns;
    for (;;) {
        int status;
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid)
            return decode(status);
        if (done < 0 && errno != EINTR)
            return -errno;
        if (heed_interrupt && interrupt_requested())
            return -EINTR;
        uint64_t now_ns = clock_monotonic_ns();
        if (timeout_ns && now_ns >= deadline_ns)
            return -ETIMEDOUT;
        uint64_t left_ns = timeout_ns ? deadline_ns - now_ns : NS_PER_S;
        int left_ms = (int)((left_ns < NS_PER_S ? left_ns : NS_PER_S) / NS_PER_MS) + 1;
        struct pollfd fds[] = {{.fd = pid_fd, .events = POLLIN}};
        poll(fds, 1, pid_fd >= 0 ? left_ms : 10);
    }
}

int process_wait(pid_t pid, uint64_t timeout_ns)
{
    return wait_until(pid, timeout_ns, true);
}

void process_stop(pid_t pid, uint64_t grace_ns)
{
    if (grace_ns) {
        kill(pid, SIGTERM);
        if (wait_until(pid, grace_ns, false) >= 0)
            return;
    }
    kill(pid, SIGKILL);
    if (wait_until(pid, 0, false) < 0)
        return;
}

/* Reads until end of file, the deadline or an interrupt. */
static int collect(int fd, uint64_t deadline_ns, size_t limit, bool heed_interrupt,
                   struct strbuf *buf)
{
    for (;;) {
        if (heed_interrupt && interrupt_requested())
            return -EINTR;
        uint64_t now_ns = clock_monotonic_ns();
        if (deadline_ns && now_ns >= deadline_ns)
            return -ETIMEDOUT;
        uint64_t left_ms = deadline_ns ? (deadline_ns - now_ns) / NS_PER_MS + 1 : 1000;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, left_ms < 1000 ? (int)left_ms : 1000) <= 0)
            continue;
        char chunk[16384];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0 && buf->length < limit) {
            size_t room = limit - buf->length;
            strbuf_add(buf, chunk, (size_t)got < room ? (size_t)got : room);
        }
    }
}

int process_run(const struct process_options *options, uint64_t timeout_ns, size_t limit,
                struct process_output *out_output, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "start '%s'", options->argv[0]);
    CLEANUP_FD int read_end = ends[0];
    struct process_options piped = *options;
    piped.stdout_fd = piped.stdout_fd ? piped.stdout_fd : ends[1];
    piped.stderr_fd = piped.stderr_fd ? piped.stderr_fd : ends[1];
    pid_t pid = process_start(&piped, err);
    close(ends[1]);
    if (pid < 0)
        return pid;

    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    uint64_t deadline_ns = timeout_ns ? clock_monotonic_ns() + timeout_ns : 0;
    bool heed = !options->runs_through;
    int rc = collect(read_end, deadline_ns, limit ? limit : 1 << 20, heed, &buf);
    int status = rc < 0 ? rc : wait_until(pid, timeout_ns, heed);
    if (status < 0) {
        process_stop(pid, NS_PER_S);
        if (status == -EINTR)
            return error_set(err, ERROR_FAILED, -EINTR, "interrupted");
        return error_set_errno(err, ERROR_FAILED, status, "run '%s'", options->argv[0]);
    }
    out_output->length = buf.length;
    out_output->text = strbuf_take(&buf);
    out_output->status = status;
    return 0;
}

/* The last line that is not empty; cuts text. */
static const char *last_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

int process_check(const char *const *argv, uint64_t timeout_ns, char **out_text, struct error *err)
{
    struct process_output output;
    struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, timeout_ns, 0, &output, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *text = output.text;
    if (output.status > 255)
        return error_set(err, ERROR_FAILED, -EIO, "run '%s': ended by signal %d", argv[0],
                         output.status - 256);
    if (output.status != 0)
        return error_set(err, ERROR_FAILED, -EIO, "run '%s': exit code %d: %s", argv[0],
                         output.status, last_line(text));
    if (out_text)
        *out_text = TAKE_PTR(text);
    return 0;
}

bool process_find_program(const char *name)
{
    CLEANUP_FREE char *path = find_program(name);
    return path != NULL;
}
