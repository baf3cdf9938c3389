/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/ops/bench.h"

#include <errno.h>
#include <linux/futex.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REST_NS 50000

static int take_byte(int from)
{
    char byte;
    return read(from, &byte, 1) == 1 ? 0 : -1;
}

static int hand_byte(int to)
{
    return write(to, "", 1) == 1 ? 0 : -1;
}

/* fds: 0, 1 the pipe to the child; 2, 3 the pipe from it. */
static void answer(struct bench *bench)
{
    close(bench->fds[1]);
    close(bench->fds[2]);
    while (take_byte(bench->fds[0]) == 0 && hand_byte(bench->fds[3]) == 0)
        ;
}

int bench_switch_open(struct bench *bench)
{
    if (pipe(&bench->fds[0]) < 0 || pipe(&bench->fds[2]) < 0)
        return bench_complain(bench, "pipe");
    if (bench_fork(bench, answer) < 0)
        return -1;
    close(bench->fds[0]);
    close(bench->fds[3]);
    bench->fds[0] = bench->fds[3] = -1;
    return 0;
}

/* There and back are two switches. */
int64_t bench_switch(struct bench *bench, uint64_t count)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        if (hand_byte(bench->fds[1]) < 0 || take_byte(bench->fds[2]) < 0)
            return bench_complain(bench, "pass a byte by pipe");
    return (bench_now() - start + 1) / 2;
}

static int reap(struct bench *bench, pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return bench_complain(bench, "waitpid");
    if (status == 0)
        return 0;
    errno = ECHILD;
    return bench_complain(bench, "the new process ended badly");
}

int64_t bench_forks(struct bench *bench, uint64_t count)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0)
            return bench_complain(bench, "fork");
        if (reap(bench, pid) < 0)
            return BENCH_FAILED;
    }
    return bench_now() - start;
}

/* The program is this one, which is static and then ends at once. */
int64_t bench_spawn(struct bench *bench, uint64_t count)
{
    char *const argv[] = {(char *)"vtax-guest", (char *)"nothing", NULL};
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        pid_t pid;
        errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
        if (errno)
            return bench_complain(bench, "posix_spawn /proc/self/exe");
        if (reap(bench, pid) < 0)
            return BENCH_FAILED;
    }
    return bench_now() - start;
}

/* How many it woke. */
static long futex_wake(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_wait_while(uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

/* Sleeps, and says when it woke up. */
static void *wake_up(void *argument)
{
    struct bench *bench = argument;
    for (;;) {
        futex_wait_while(&bench->word, 0);
        int64_t now = bench_now();
        if (__atomic_load_n(&bench->stop, __ATOMIC_SEQ_CST))
            return NULL;
        __atomic_store_n(&bench->word, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&bench->woke_ns, now, __ATOMIC_SEQ_CST);
    }
}

int bench_wake_open(struct bench *bench)
{
    return bench_start_thread(bench, wake_up);
}

static void rest(void)
{
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = REST_NS}, NULL);
}

/* First the thread gets time to fall asleep and its CPU to become idle; when it was awake all the
 * same, the wake woke nobody and does not count. */
int64_t bench_wake(struct bench *bench, uint64_t count)
{
    int64_t ns = 0, woke;
    for (uint64_t i = 0; i < count; i++) {
        rest();
        __atomic_store_n(&bench->woke_ns, 0, __ATOMIC_SEQ_CST);
        int64_t start = bench_now();
        bool was_asleep = futex_wake(&bench->word, 1) == 1;
        while ((woke = __atomic_load_n(&bench->woke_ns, __ATOMIC_SEQ_CST)) == 0)
            rest();
        if (!was_asleep)
            return BENCH_SKIP;
        ns += woke - start;
    }
    return ns;
}

void bench_wake_close(struct bench *bench)
{
    __atomic_store_n(&bench->stop, 1, __ATOMIC_SEQ_CST);
    futex_wake(&bench->word, 1);
}
