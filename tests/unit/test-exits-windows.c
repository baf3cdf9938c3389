/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Exits that are looked at in windows: the arithmetic, and system calls in place of exits, which
 * any Linux with root has.
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "probe/exits.h"
#include "probe/exits_tally.h"
#include "probe/exits_windows.h"
#include "tracing.h"

static void test_pauses(void **state)
{
    (void)state;
    assert_int_equal(exits_windows_length(0), EXITS_WINDOW_MAX_NS);
    assert_int_equal(exits_windows_length(12500), 16 * NS_PER_MS);
    assert_int_equal(exits_windows_length(1e18), EXITS_WINDOW_MIN_NS);
    /* 150 looks more for a window itself. */
    assert_int_equal(exits_windows_pause(2000, 10000), EXITS_PAUSE_MIN_NS);
    assert_int_equal(exits_windows_pause(5000, 1000), 310 * NS_PER_MS);
    assert_int_equal(exits_windows_pause(12500, 1000), 334 * NS_PER_MS);
    assert_int_equal(exits_windows_pause(1e18, 1000), EXITS_PAUSE_MAX_NS);
    assert_int_equal(exits_windows_pause(1000, 1), EXITS_PAUSE_MAX_NS);
}

static void test_affordable(void **state)
{
    (void)state;
    /* One percent of a CPU, three times that without windows. */
    assert_int_equal(exits_windows_affordable(1000).per_s, 10000);
    assert_int_equal(exits_windows_affordable(1000).all_per_s, 30000);
    assert_int_equal(exits_windows_affordable(25000).per_s, 400);
    assert_int_equal(exits_windows_affordable(25000).all_per_s, 1500);
    assert_int_equal(exits_windows_affordable(1e18).per_s, 300);
    assert_int_equal(exits_windows_affordable(0).per_s, 10000000);
    /* A second of them is saved, and no more. */
    assert_near(exits_windows_left(1000, 1000, 2 * NS_PER_S, 1000), 1000, 1e-9);
    assert_near(exits_windows_left(1000, 1000, 2 * NS_PER_S, 2500), 500, 1e-9);
    assert_near(exits_windows_left(500, 1000, NS_PER_S / 2, 2000), -1000, 1e-9);
    assert_near(exits_windows_left(-1000, 1000, NS_PER_S / 2, 0), -500, 1e-9);
}

static bool is_seven(pid_t process, void *context)
{
    (void)context;
    return process == 7;
}

/* Two reasons of one process and one of another, in three windows. */
static void test_weights(void **state)
{
    (void)state;
    const struct exits_key io = {7, 1, 0x7b}, hlt = {7, 1, 0x78}, other = {6, 1, 0x7b};
    struct exits_tally tally = {0};
    struct exits_key key;
    struct exits_sum sum;
    exits_tally_note(&tally, &io,
                     &(struct exits_sum){.count = 10, .kernel_ns = 100, .buckets = {[3] = 10}});
    exits_tally_note(&tally, &other, &(struct exits_sum){.count = 1, .buckets = {[3] = 1}});
    exits_tally_end_window(&tally, 3);
    exits_tally_note(&tally, &io,
                     &(struct exits_sum){.count = 15, .kernel_ns = 100, .buckets = {[3] = 15}});
    exits_tally_note(&tally, &hlt, &(struct exits_sum){.count = 2, .buckets = {[31] = 2}});
    exits_tally_end_window(&tally, 1);
    exits_tally_note(&tally, &io,
                     &(struct exits_sum){.count = 20, .kernel_ns = 300, .buckets = {[3] = 20}});
    assert_int_equal(tally.count, 3);
    static const struct {
        struct exits_key key;
        uint64_t count, kernel_ns;
    } now[] = {{{6, 1, 0x7b}, 3, 0},
               {{7, 1, 0x78}, 2, 0},
               {{7, 1, 0x7b}, 3 * 10 + 5 + 2 * 5, 3 * 100 + 2 * 200}};
    for (size_t i = 0; i < COUNT_OF(now); i++) {
        exits_tally_get(&tally, i, 2, &key, &sum);
        assert_memory_equal(&key, &now[i].key, sizeof(key));
        assert_int_equal(sum.count, now[i].count);
        assert_int_equal(sum.kernel_ns, now[i].kernel_ns);
        assert_int_equal(sum.buckets[31], i == 1 ? 2 : 0);
    }
    exits_tally_keep(&tally, is_seven, NULL);
    assert_int_equal(tally.count, 2);
    exits_tally_get(&tally, 0, 1, &key, &sum);
    assert_memory_equal(&key, &hlt, sizeof(key));
    exits_tally_done(&tally);
}

/* Nothing is lost by rounding, however many windows there are, and the parts stay the whole. */
static void test_rounding(void **state)
{
    (void)state;
    const struct exits_key hlt = {7, 1, 0x78};
    struct exits_tally tally = {0};
    struct exits_key key;
    struct exits_sum seen = {0}, sum;
    for (unsigned i = 0; i < 1000; i++) {
        seen.count += 2;
        seen.kernel_ns++;
        seen.buckets[4]++;
        seen.buckets[5]++;
        exits_tally_note(&tally, &hlt, &seen);
        exits_tally_get(&tally, 0, 1.3, &key, &sum);
        assert_int_equal(sum.count, sum.buckets[4] + sum.buckets[5]);
        exits_tally_end_window(&tally, 1.3);
    }
    exits_tally_get(&tally, 0, 1, &key, &sum);
    assert_int_equal(sum.count, 2600);
    assert_int_equal(sum.kernel_ns, 1300);
    exits_tally_done(&tally);
}

static struct exits *open_or_skip(uint64_t looks_per_s)
{
    const struct exits_points points = {
        .exit = "raw_syscalls/sys_enter",
        .reason = "id",
        .isa = "id",
        .user = "kvm/kvm_userspace_exit",
        .entry = "raw_syscalls/sys_exit",
        .source = EXITS_BPF,
        .looks_per_s = looks_per_s,
    };
    struct exits *exits = NULL;
    struct error err = {0};
    (void)!tracing_mount();
    if (exits_open(&points, &exits, &err) < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    return exits;
}

struct wanted {
    uint32_t reason;
    struct exits_sum sum;
};

static void add(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    struct wanted *wanted = context;
    if (key->reason == wanted->reason)
        wanted->sum = *sum;
}

/* As many as are wanted, and some others of ours, are all looked at. */
static void test_few_are_all_seen(void **state)
{
    (void)state;
    struct exits *exits = open_or_skip(UINT64_C(1) << 40);
    struct wanted calls = {.reason = SYS_getppid};
    uint64_t looked_ns = 0;
    for (int i = 0; i < 20000; i++)
        syscall(SYS_getppid);
    exits_each(exits, getpid(), add, &calls);
    assert_int_equal(calls.sum.count, 20000);
    assert_true(exits_looked_ns(exits, &looked_ns));
    assert_true(looked_ns > 0);
    exits_close(exits);
}

static uint64_t count_calls(struct exits *exits, uint32_t number, unsigned calls)
{
    struct wanted wanted = {.reason = number};
    for (unsigned i = 0; i < calls; i++)
        syscall(number);
    exits_each(exits, getpid(), add, &wanted);
    return wanted.sum.count;
}

static bool nobody(pid_t process, void *context)
{
    (void)process, (void)context;
    return false;
}

/* Keys of the tables are kept from one reading to the next: what is new or gone is noticed. */
static void test_new_and_gone(void **state)
{
    (void)state;
    struct exits *exits = open_or_skip(UINT64_C(1) << 40);
    assert_int_equal(count_calls(exits, SYS_getppid, 3), 3);
    assert_int_equal(count_calls(exits, SYS_getuid, 5), 5);
    assert_int_equal(count_calls(exits, SYS_getppid, 4), 7);
    exits_keep(exits, nobody, NULL);
    assert_int_equal(count_calls(exits, SYS_getuid, 0), 0);
    assert_int_equal(count_calls(exits, SYS_getppid, 2), 2);
    assert_int_equal(count_calls(exits, SYS_getuid, 1), 1);
    exits_close(exits);
}

static pid_t start_caller(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            syscall(SYS_getppid);
    }
    return pid;
}

/* Far fewer than there are, and enough for short pauses. */
#define LOOKS_PER_S 20000

struct course {
    uint64_t looked_ns;
    unsigned pauses;
    unsigned windows; /* after a pause */
    bool is_paused;
};

static void follow(const struct exits *exits, struct course *course)
{
    uint64_t before_ns = course->looked_ns;
    clock_sleep_ns(5 * NS_PER_MS);
    assert_true(exits_looked_ns(exits, &course->looked_ns));
    course->windows += course->is_paused && course->looked_ns > before_ns;
    course->is_paused = course->looked_ns == before_ns;
    course->pauses += course->is_paused;
}

/* A flood of calls: there are pauses and windows after them, what is told grows in pauses, too. How
 * close it is depends on who else had the CPU in the windows. */
static void test_many_are_seen_in_windows(void **state)
{
    (void)state;
    pid_t pid = start_caller(); /* before there is something to inherit */
    assert_true(pid > 0);
    struct exits *exits = open_or_skip(LOOKS_PER_S);
    struct course course = {0};
    uint64_t begin_ns = clock_monotonic_ns(), last = 0, grown = 0;
    while (grown < 20) {
        struct wanted calls = {.reason = SYS_getppid};
        follow(exits, &course);
        exits_each(exits, pid, add, &calls);
        assert_true(calls.sum.count >= last);
        assert_true(calls.sum.kernel_ns > 0 || calls.sum.count == 0);
        /* Programs that were taken off have come back. */
        grown += course.windows >= 2 && course.is_paused && calls.sum.count > last;
        last = calls.sum.count;
        assert_int_equal(exits_lost(exits), 0);
    }
    assert_true(last > 0);
    assert_true(course.looked_ns < clock_monotonic_ns() - begin_ns);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    exits_close(exits);
}

/* A child that has our descriptors keeps the programs in place: some kernels attach them again
 * beside that, where others cannot open a window any more, and that is no silent end. */
static void test_programs_that_a_child_keeps(void **state)
{
    (void)state;
    struct exits *exits = open_or_skip(LOOKS_PER_S);
    pid_t pid = start_caller();
    assert_true(pid > 0);
    struct course course = {0};
    while (exits_lost(exits) == 0 && course.windows == 0)
        follow(exits, &course);
    assert_non_null(strstr(exits_lost_means(exits), "attached again"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    exits_close(exits);
}

/* While none is looked at. */
static void test_closed_in_a_pause(void **state)
{
    (void)state;
    pid_t pid = start_caller();
    assert_true(pid > 0);
    struct exits *exits = open_or_skip(1);
    uint64_t looked_ns = 0, before_ns;
    do {
        before_ns = looked_ns;
        clock_sleep_ns(5 * NS_PER_MS);
        assert_true(exits_looked_ns(exits, &looked_ns));
    } while (looked_ns != before_ns);
    exits_close(exits);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_affordable),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_few_are_all_seen),
        cmocka_unit_test(test_new_and_gone),
        cmocka_unit_test(test_many_are_seen_in_windows),
        cmocka_unit_test(test_programs_that_a_child_keeps),
        cmocka_unit_test(test_closed_in_a_pause),
    };
    return cmocka_run_group_tests_name("exits-windows", tests, NULL, NULL);
}
