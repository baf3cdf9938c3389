/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/protocol.h"

struct run {
    int output_fd;
    int error_fd;
    pid_t pid;
    uint64_t start_ns;
    struct protocol_message message;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t from_timeval(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

static int say(const struct protocol_message *message)
{
    char line[PROTOCOL_LINE_MAX + 1];
    return runner_write(STDOUT_FILENO, line, protocol_format(message, line));
}

static int say_failed(const char *what, const char *object)
{
    struct protocol_message message = {.kind = PROTOCOL_FAILED, .code = errno};
    snprintf(message.text, sizeof(message.text), "%s '%.400s': %s", what, object, strerror(errno));
    say(&message);
    return 1;
}

/* A file without a name: on disk where /tmp allows, since memory is the machine's to measure. */
static int open_capture(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
    return fd >= 0 ? fd : memfd_create("output", MFD_CLOEXEC);
}

/* The first byte of the next line; 0 at the end of the input. */
static char read_line(void)
{
    char byte, first = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return 0;
        if (got > 0 && !first)
            first = byte;
        if (got > 0 && byte == '\n')
            return first;
    }
}

/* Answers pings until the line that starts the program. 1 after that, 0 at the end of the input. */
static int wait_barrier(void)
{
    const struct protocol_message pong = {.kind = PROTOCOL_PONG};
    char first;
    while ((first = read_line()) == PROTOCOL_PING[0])
        if (say(&pong) < 0)
            return 0;
    return first != 0;
}

/* The program gets a process group, so that it can be killed with its children; default signal
 * handling, which we changed for SIGPIPE; and an empty input. */
static int spawn(struct run *run, char **argv)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, run->output_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, run->error_fd, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    run->start_ns = now_ns();
    int code = posix_spawnp(&run->pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    errno = code;
    return code ? -1 : 0;
}

/* Waits for the program; when our input ends first, nobody wants the result: kills it. */
static int wait_end(struct run *run)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    struct pollfd fds[] = {{.fd = pid_fd, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    while (pid_fd >= 0 && (poll(fds, 2, -1) < 0 || fds[0].revents == 0)) {
        char byte;
        if (fds[1].revents && read(STDIN_FILENO, &byte, 1) == 0) {
            kill(-run->pid, SIGKILL);
            fds[1].fd = -1;
        }
    }
    int status;
    struct rusage usage;
    while (wait4(run->pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return -1;
    run->message = (struct protocol_message){
        .kind = PROTOCOL_RESULT,
        .guest_ns = now_ns() - run->start_ns,
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status),
        .user_ns = from_timeval(usage.ru_utime),
        .system_ns = from_timeval(usage.ru_stime),
    };
    return 0;
}

static uint64_t file_bytes(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

static void send_part(int fd, uint64_t offset, uint64_t length)
{
    char chunk[65536];
    while (length > 0) {
        size_t want = length < sizeof(chunk) ? (size_t)length : sizeof(chunk);
        ssize_t got = pread(fd, chunk, want, (off_t)offset);
        if (got <= 0 || runner_write(STDOUT_FILENO, chunk, (size_t)got) < 0)
            return;
        offset += (uint64_t)got, length -= (uint64_t)got;
    }
}

static int send_result(struct run *run)
{
    uint64_t output = file_bytes(run->output_fd);
    uint64_t errors = file_bytes(run->error_fd);
    run->message.output_bytes = output < PROTOCOL_OUTPUT_MAX ? output : PROTOCOL_OUTPUT_MAX;
    run->message.error_bytes = errors < PROTOCOL_ERROR_MAX ? errors : PROTOCOL_ERROR_MAX;
    if (say(&run->message) < 0)
        return 1;
    send_part(run->output_fd, 0, run->message.output_bytes);
    send_part(run->error_fd, errors - run->message.error_bytes, run->message.error_bytes);
    return 0;
}

int runner_run(const struct runner_arguments *arguments)
{
    struct run run = {.output_fd = open_capture(), .error_fd = open_capture()};
    if (run.output_fd < 0 || run.error_fd < 0)
        return say_failed("open a file in", "/tmp");
    if (arguments->directory && chdir(arguments->directory) < 0)
        return say_failed("change to directory", arguments->directory);
    if (!arguments->now) {
        struct protocol_message ready = {.kind = PROTOCOL_READY};
        if (say(&ready) < 0 || !wait_barrier())
            return 1;
    }
    if (spawn(&run, arguments->operands) < 0)
        return say_failed("start", arguments->operands[0]);
    if (wait_end(&run) < 0)
        return say_failed("wait for", arguments->operands[0]);
    return send_result(&run);
}
