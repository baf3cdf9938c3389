/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Page faults in place of the processor's events: every Linux with root counts them, and they can
 * be made one by one.
 */
#include "test.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/thread_counts.h"
#include "tracing.h"

#define PAGES 1000
#define THREAD_PAGES 300
#define PAUSE_EVERY 50 /* pages: the thread leaves its CPU */
#define PATIENCE 200   /* ms */
#define ROUNDS 5

static const struct perf_event_attr events[] = {
    {.type = PERF_TYPE_SOFTWARE, .size = sizeof(events[0]), .config = PERF_COUNT_SW_PAGE_FAULTS},
    {.type = PERF_TYPE_SOFTWARE, .size = sizeof(events[0]), .config = PERF_COUNT_SW_CPU_CLOCK},
    {.type = PERF_TYPE_SOFTWARE,
     .size = sizeof(events[0]),
     .config = PERF_COUNT_SW_PAGE_FAULTS_MAJ},
};
enum { FAULTS, CLOCK, MAJOR };
enum { OWN, HEIRS, SLOTS };

static const struct thread_counts_options options = {
    .events = events, .count = COUNT_OF(events), .group = 2, .slots = SLOTS};

static struct thread_counts *open_or_skip(void)
{
    struct thread_counts *counts = NULL;
    struct error err = {0};
    (void)!tracing_mount();
    if (thread_counts_open(&options, &counts, &err) < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    return counts;
}

static void touch(size_t pages)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    size_t bytes = pages * (size_t)getpagesize();
    char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || madvise(area, bytes, MADV_NOHUGEPAGE) < 0)
        _exit(1);
    for (size_t i = 0; i < pages; i++) {
        area[i * (size_t)getpagesize()] = 1;
        if (i % PAUSE_EVERY == 0)
            nanosleep(&nap, NULL);
    }
    munmap(area, bytes);
}

static void *touch_in_thread(void *nothing)
{
    (void)nothing;
    touch(THREAD_PAGES);
    return NULL;
}

/* Another process. It does what the bytes say that it gets, and answers each. */
struct worker {
    pid_t pid;
    int commands;
    int answers;
};
enum command { TOUCH = 't', START_THREAD = 's', END = 'e' };

static void serve(int commands, int answers)
{
    char command;
    while (read(commands, &command, 1) == 1 && command != END) {
        pthread_t thread;
        if (command == TOUCH)
            touch(PAGES);
        else if (pthread_create(&thread, NULL, touch_in_thread, NULL) != 0 ||
                 pthread_join(thread, NULL) != 0)
            _exit(1);
        if (write(answers, &command, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static struct worker start_worker(void)
{
    int commands[2], answers[2];
    assert_int_equal(pipe2(commands, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(commands[1]);
        serve(commands[0], answers[1]);
    }
    close(commands[0]);
    close(answers[1]);
    return (struct worker){pid, commands[1], answers[0]};
}

static void order(const struct worker *worker, enum command command)
{
    char byte = (char)command;
    assert_int_equal(write(worker->commands, &byte, 1), 1);
    assert_int_equal(read(worker->answers, &byte, 1), 1);
}

/* It has answered, but may still be on its way to sleep. */
static void wait_until_asleep(const struct worker *worker)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/stat", (int)worker->pid);
    for (char state = 0; state != 'S';) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%*d %*s %c", &state), 1);
        fclose(file);
    }
}

static void end_worker(struct worker *worker)
{
    int status;
    char command = END; /* the pipe alone may still be open in a later worker */
    assert_int_equal(write(worker->commands, &command, 1), 1);
    close(worker->commands);
    close(worker->answers);
    assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
    assert_int_equal(status, 0);
}

static struct vcpu_count read_slot(const struct thread_counts *counts, unsigned slot, size_t event)
{
    struct vcpu_count count;
    assert_int_equal(thread_counts_read(counts, slot, event, &count), 0);
    return count;
}

static int open_own_counter(pid_t tid)
{
    struct perf_event_attr attributes = events[FAULTS];
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What the kernel counts for this thread alone is the same number, though another one that nobody
 * watches is at work on the same CPUs. A switch may be missed, and what was done until the next
 * with it; so one round of several is to be whole, and none to have more. */
static void test_as_a_counter_of_its_own(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct worker worker = start_worker(), other = start_worker();
    struct error err = {0};
    struct vcpu_count right;
    char busy = TOUCH;
    wait_until_asleep(&worker);
    int fd = open_own_counter(worker.pid);
    assert_true(fd >= 0);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, HEIRS, &err), 0);
    uint64_t ours_before = 0, right_before = 0;
    unsigned whole = 0;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        assert_int_equal(write(other.commands, &busy, 1), 1);
        order(&worker, TOUCH);
        assert_int_equal(read(other.answers, &busy, 1), 1);
        wait_until_asleep(&worker);
        assert_int_equal(thread_counts_update(counts), 0);
        assert_int_equal(vcpu_counter_read(fd, &right), 0);
        struct vcpu_count ours = read_slot(counts, OWN, FAULTS);
        assert_true(right.value >= (uint64_t)round * PAGES);
        assert_true(ours.value - ours_before <= right.value - right_before);
        whole += ours.value - ours_before == right.value - right_before;
        ours_before = ours.value;
        right_before = right.value;
        assert_true(ours.enabled_ns > 0 && ours.running_ns == ours.enabled_ns);
        assert_int_equal(read_slot(counts, OWN, MAJOR).value, 0);
        assert_true(read_slot(counts, OWN, CLOCK).value > 0);
    }
    assert_true(whole > 0);
    assert_int_equal(read_slot(counts, HEIRS, FAULTS).value, 0);
    assert_int_equal(thread_counts_lost(counts), 0);
    close(fd);
    end_worker(&worker);
    end_worker(&other);
    thread_counts_close(counts);
}

static void test_threads_that_it_starts(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct worker worker = start_worker();
    struct error err = {0};
    wait_until_asleep(&worker);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, HEIRS, &err), 0);
    uint64_t heirs = 0;
    for (unsigned round = 1; round <= ROUNDS && heirs < THREAD_PAGES; round++) {
        uint64_t before = read_slot(counts, HEIRS, FAULTS).value;
        order(&worker, START_THREAD);
        wait_until_asleep(&worker);
        heirs = read_slot(counts, HEIRS, FAULTS).value - before;
    }
    assert_true(heirs >= THREAD_PAGES);
    assert_true(read_slot(counts, OWN, FAULTS).value < THREAD_PAGES);
    end_worker(&worker);
    thread_counts_close(counts);
}

/* Nor is a thread itself counted that is watched no more. */
static void test_without_heirs(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct worker worker = start_worker();
    struct error err = {0};
    wait_until_asleep(&worker);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, THREAD_COUNTS_NO_SLOT, &err), 0);
    order(&worker, START_THREAD);
    wait_until_asleep(&worker);
    uint64_t own = read_slot(counts, OWN, FAULTS).value;
    assert_true(own < THREAD_PAGES);
    assert_int_equal(read_slot(counts, HEIRS, FAULTS).value, 0);
    thread_counts_unwatch(counts, worker.pid);
    order(&worker, TOUCH);
    assert_int_equal(read_slot(counts, OWN, FAULTS).value, own);
    end_worker(&worker);
    thread_counts_close(counts);
}

/* As in a container: process 1 of a PID namespace of its own. */
static void test_other_numbers(void **state)
{
    (void)state;
    int status = 0;
    thread_counts_close(open_or_skip());
    pid_t pid = fork();
    if (pid == 0) {
        struct thread_counts *counts;
        struct error err = {0};
        if (unshare(CLONE_NEWPID) < 0 || (pid = fork()) < 0)
            _exit(1);
        if (pid > 0)
            _exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        _exit(thread_counts_open(&options, &counts, &err) == -EACCES &&
                      strstr(err.text, "process numbers of the host")
                  ? 0
                  : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A thread that is on its CPU all the time is charged when it is asked for. */
static void test_without_a_switch(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct error err = {0};
    pid_t self = (pid_t)syscall(SYS_gettid);
    int fd = open_own_counter(self);
    struct vcpu_count before, after;
    assert_true(fd >= 0);
    assert_int_equal(thread_counts_watch(counts, self, OWN, OWN, &err), 0);
    assert_int_equal(thread_counts_update(counts), 0);
    uint64_t ours = 0;
    for (unsigned round = 1; round <= ROUNDS && ours < PAGES; round++) {
        uint64_t start = read_slot(counts, OWN, FAULTS).value;
        assert_int_equal(vcpu_counter_read(fd, &before), 0);
        touch(PAGES);
        assert_int_equal(thread_counts_update(counts), 0);
        assert_int_equal(vcpu_counter_read(fd, &after), 0);
        ours = read_slot(counts, OWN, FAULTS).value - start;
        assert_true(ours <= after.value - before.value + 100);
    }
    assert_true(ours >= PAGES);
    close(fd);
    thread_counts_close(counts);
}

/* Its parent may hear of its end before it has left its CPU for the last time. */
static uint64_t wait_for_faults(const struct thread_counts *counts, uint64_t wanted)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int i = 0; i < PATIENCE && read_slot(counts, OWN, FAULTS).value != wanted; i++)
        nanosleep(&nap, NULL);
    return read_slot(counts, OWN, FAULTS).value;
}

/* Touches pages in a process of that number; false: the kernel has none to choose. */
static bool touch_as(pid_t pid)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
    int status;
    pid_t got = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (got == 0) {
        touch(PAGES);
        _exit(0);
    }
    if (got < 0)
        return false;
    assert_int_equal(waitpid(got, &status, 0), pid);
    assert_int_equal(status, 0);
    return true;
}

/* What a thread did stays when it has ended, and what comes with its number is not watched. */
static void test_thread_that_ends(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct worker worker = start_worker();
    struct error err = {0};
    struct vcpu_count right;
    wait_until_asleep(&worker);
    int fd = open_own_counter(worker.pid);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, HEIRS, &err), 0);
    order(&worker, TOUCH);
    end_worker(&worker);
    assert_int_equal(vcpu_counter_read(fd, &right), 0);
    uint64_t ours = wait_for_faults(counts, right.value);
    assert_true(ours > PAGES / 2 && ours <= right.value);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, HEIRS, &err), -ESRCH);
    bool again = touch_as(worker.pid);
    assert_int_equal(thread_counts_update(counts), 0);
    assert_int_equal(read_slot(counts, OWN, FAULTS).value, ours);
    close(fd);
    thread_counts_close(counts);
    if (!again) {
        printf("skipped: a process cannot be given a number here\n");
        skip();
    }
}

/* In its turn, but for who is to have the CPU at once. */
static void share_cpu(pid_t pid, const cpu_set_t *cpu, bool at_once)
{
    const struct sched_param parameter = {.sched_priority = at_once};
    assert_int_equal(sched_setaffinity(pid, sizeof(*cpu), cpu), 0);
    (void)!sched_setscheduler(pid, at_once ? SCHED_FIFO : SCHED_OTHER, &parameter);
}

/* While tables are read no program runs at switches on that CPU: what a thread that comes then does
 * until it leaves is missed, and what others did before is not taken for its own. */
static void test_while_tables_are_read(void **state)
{
    (void)state;
    struct thread_counts *counts = open_or_skip();
    struct worker worker = start_worker(), other = start_worker();
    struct error err = {0};
    struct vcpu_count right;
    char byte = TOUCH;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    share_cpu(worker.pid, &one, true);
    share_cpu(other.pid, &one, false);
    share_cpu(0, &one, false);
    wait_until_asleep(&worker);
    int fd = open_own_counter(worker.pid);
    assert_int_equal(thread_counts_watch(counts, worker.pid, OWN, HEIRS, &err), 0);
    for (unsigned round = 0; round < 2 * ROUNDS; round++) {
        assert_int_equal(write(worker.commands, &byte, 1), 1);
        assert_int_equal(write(other.commands, &byte, 1), 1);
        for (struct pollfd answer = {.fd = worker.answers, .events = POLLIN};
             poll(&answer, 1, 0) == 0;)
            for (int i = 0; i < 100; i++)
                (void)read_slot(counts, OWN, FAULTS);
        assert_int_equal(read(worker.answers, &byte, 1), 1);
        assert_int_equal(read(other.answers, &byte, 1), 1);
    }
    wait_until_asleep(&worker);
    assert_int_equal(vcpu_counter_read(fd, &right), 0);
    uint64_t ours = read_slot(counts, OWN, FAULTS).value;
    assert_true(ours > right.value / 2 && ours <= right.value);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    close(fd);
    end_worker(&worker);
    end_worker(&other);
    thread_counts_close(counts);
}

static void test_bad_events(void **state)
{
    (void)state;
    const struct perf_event_attr nothing = {.type = UINT32_MAX};
    struct perf_event_attr many[THREAD_COUNTS_EVENTS_MAX + 1] = {0};
    struct thread_counts *counts = NULL;
    struct error err = {0};
    const struct thread_counts_options bad = {.events = &nothing, .count = 1, .slots = SLOTS},
                                       too_many = {.events = many, .count = COUNT_OF(many)},
                                       none = {.events = many};
    assert_int_equal(thread_counts_open(&too_many, &counts, &err), -E2BIG);
    assert_int_equal(thread_counts_open(&none, &counts, &err), -E2BIG);
    int rc = thread_counts_open(&bad, &counts, &err);
    assert_true(rc < 0);
    assert_null(counts);
    assert_true(err.text[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_counter_of_its_own),
        cmocka_unit_test(test_threads_that_it_starts),
        cmocka_unit_test(test_without_heirs),
        cmocka_unit_test(test_other_numbers),
        cmocka_unit_test(test_without_a_switch),
        cmocka_unit_test(test_thread_that_ends),
        cmocka_unit_test(test_while_tables_are_read),
        cmocka_unit_test(test_bad_events),
    };
    return cmocka_run_group_tests_name("thread-counts", tests, NULL, NULL);
}
