/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The BPF programs with system calls in place of VM exits, which any Linux with root has: the
 * reason is the call's number.
 */
#include "test.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/exits.h"

#define CALLS 1000
#define SLEEPS 5
#define SLEEP_NS 20000000

static const struct exits_points system_calls = {
    .exit = "raw_syscalls/sys_enter",
    .reason = "id",
    .isa = "id",
    .user = "kvm/kvm_userspace_exit",
    .entry = "raw_syscalls/sys_exit",
};

struct wanted {
    uint32_t reason;
    struct exits_sum sum;
    uint64_t in_buckets;
    uint64_t long_ones; /* of 2^24 ns and more */
};

static void add(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    struct wanted *wanted = context;
    if (key->reason != wanted->reason)
        return;
    assert_int_equal(key->process, getpid());
    wanted->sum.count += sum->count;
    wanted->sum.kernel_ns += sum->kernel_ns;
    wanted->sum.user_ns += sum->user_ns;
    wanted->sum.off_ns += sum->off_ns;
    for (unsigned i = 0; i < EXITS_BUCKETS; i++) {
        wanted->in_buckets += sum->buckets[i];
        wanted->long_ones += i >= 24 ? sum->buckets[i] : 0;
    }
}

static void work(void)
{
    const struct timespec nap = {.tv_nsec = SLEEP_NS};
    for (int i = 0; i < CALLS; i++)
        syscall(SYS_getppid);
    for (int i = 0; i < SLEEPS; i++)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

static void test_calls_and_sleeps_are_counted(void **state)
{
    (void)state;
    struct exits *exits = NULL;
    struct error err = {0};
    struct wanted calls = {.reason = SYS_getppid}, sleeps = {.reason = SYS_clock_nanosleep};
    if (exits_open(&system_calls, &exits, &err) < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    work();
    exits_each(exits, getpid(), add, &calls);
    exits_each(exits, getpid(), add, &sleeps);
    assert_int_equal(exits_lost(exits), 0);
    exits_close(exits);
    assert_int_equal(calls.sum.count, CALLS);
    assert_int_equal(calls.in_buckets, CALLS);
    assert_true(calls.sum.kernel_ns > 0);
    assert_int_equal(calls.sum.user_ns, 0);
    assert_int_equal(sleeps.sum.count, SLEEPS);
    assert_int_equal(sleeps.long_ones, SLEEPS);
    assert_true(sleeps.sum.off_ns >= (uint64_t)SLEEPS * SLEEP_NS * 9 / 10);
    /* Asleep is not at work: what is left of it on the CPU is small. */
    assert_true(sleeps.sum.kernel_ns < sleeps.sum.off_ns / 2);
}

static void test_no_such_tracepoint(void **state)
{
    (void)state;
    struct exits_points points = system_calls;
    struct exits *exits = NULL;
    struct error err = {0};
    points.entry = "kvm/there_is_none";
    assert_true(exits_open(&points, &exits, &err) < 0);
    assert_true(strlen(err.text) > 10);
    assert_null(exits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_and_sleeps_are_counted),
        cmocka_unit_test(test_no_such_tracepoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
