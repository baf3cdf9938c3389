/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Both sources of exits with system calls in place of VM exits, which any Linux with root has: the
 * reason is the call's number.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/btf.h"
#include "probe/exit_reason.h"
#include "probe/exits.h"
#include "probe/exits_memory.h"
#include "probe/probe.h"
#include "tracing.h"

#define CALLS 1000
#define SLEEPS 5
#define SLEEP_NS 20000000
#define TRIES 20
#define FLOOD 200000 /* more than the buffer in tracefs holds */

/* A counter that every host has; user mode moves it, as guest mode does not move KVM's. */
static const struct perf_event_attr cpu_clock = {
    .type = PERF_TYPE_SOFTWARE,
    .size = sizeof(struct perf_event_attr),
    .config = PERF_COUNT_SW_CPU_CLOCK,
};

static const struct exits_points system_calls = {
    .exit = "raw_syscalls/sys_enter",
    .reason = "id",
    .isa = "id",
    .info = "id",
    .msr = "kvm/kvm_msr",
    .user = "kvm/kvm_userspace_exit",
    .entry = "raw_syscalls/sys_exit",
};

/* The same by what the first argument points at. */
static const struct exits_memory *registers(void)
{
    static const struct exits_memory memory = {
        .isa = EXIT_ISA_INTEL,
        .argument = "pt_regs",
        .structure = "pt_regs",
        .reasons = {"there_is_none", "orig_ax"},
        .info_at = -1,
    };
    return &memory;
}

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
    wanted->sum.kernel_count += sum->kernel_count;
    wanted->sum.user_count += sum->user_count;
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

static bool is_wanted(pid_t process, void *context)
{
    return process == *(const pid_t *)context;
}

static struct exits *open_or_skip(const struct exits_points *points, enum exits_source source)
{
    struct exits *exits = NULL;
    struct error err = {0};
    struct exits_points wanted = *points;
    wanted.source = source;
    (void)!tracing_mount();
    if (exits_open(&wanted, &exits, &err) < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    return exits;
}

struct way {
    enum exits_source source;
    bool by_memory; /* no records */
};
static const struct way bpf = {.source = EXITS_BPF}, tracefs = {.source = EXITS_TRACEFS},
                        memory = {.source = EXITS_BPF, .by_memory = true};

static void assert_calls_and_sleeps(const struct wanted *calls, const struct wanted *sleeps)
{
    assert_int_equal(calls->sum.count, CALLS);
    assert_int_equal(calls->in_buckets, CALLS);
    assert_true(calls->sum.kernel_ns > 0);
    assert_int_equal(calls->sum.user_ns, 0);
    assert_int_equal(sleeps->sum.count, SLEEPS);
    assert_int_equal(sleeps->long_ones, SLEEPS);
    assert_true(sleeps->sum.off_ns + sleeps->sum.kernel_ns >= (uint64_t)SLEEPS * SLEEP_NS);
    /* Asleep is not at work: what is left of it on the CPU is small, but where the host's own CPU
     * is taken away that time looks like work. */
    assert_true(sleeps->sum.kernel_ns < sleeps->sum.off_ns);
}

/* A kernel that tells nothing of its types. */
static int hide_types(void)
{
    return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                   mount("none", BTF_ROOT, "tmpfs", 0, NULL) < 0
               ? -errno
               : 0;
}

static void assert_kept(const struct exits *exits, uint64_t count)
{
    struct wanted kept = {.reason = SYS_getppid}, dropped = {.reason = SYS_getppid};
    pid_t mine = getpid(), none = 0;
    exits_keep(exits, is_wanted, &mine);
    exits_each(exits, getpid(), add, &kept);
    exits_keep(exits, is_wanted, &none);
    exits_each(exits, getpid(), add, &dropped);
    assert_int_equal(kept.sum.count, count);
    assert_int_equal(dropped.sum.count, 0);
}

/* Other processes of a busy host may fill the buffer in tracefs: then it is tried again. */
static void test_calls_and_sleeps_are_counted(void **state)
{
    const struct way *way = *state;
    struct exits_points points = system_calls;
    struct exits_arguments arguments;
    struct error err = {0};
    uint64_t lost = 1;
    points.memory = way->by_memory ? registers : NULL;
    if (exits_memory_find(&points, &arguments, &err) < 0 && way->by_memory) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    for (int i = 0; i < TRIES && lost; i++) {
        struct exits *exits = open_or_skip(&points, way->source);
        struct wanted calls = {.reason = SYS_getppid}, sleeps = {.reason = SYS_clock_nanosleep};
        assert_string_equal(exits_source_name(exits), way->source == EXITS_BPF ? "bpf" : "tracefs");
        assert_null(exits_without_bpf(exits));
        assert_null(exits_by_records(exits));
        work();
        exits_each(exits, getpid(), add, &calls);
        exits_each(exits, getpid(), add, &sleeps);
        lost = exits_lost(exits);
        if (!lost) {
            assert_kept(exits, CALLS);
            assert_calls_and_sleeps(&calls, &sleeps);
        }
        exits_close(exits);
    }
    assert_int_equal(lost, 0);
}

static bool count_by_records(void)
{
    struct exits_arguments arguments;
    struct exits_points points = system_calls;
    struct exits *exits = NULL;
    struct wanted calls = {.reason = SYS_getppid}, sleeps = {.reason = SYS_clock_nanosleep};
    points.memory = registers;
    points.source = EXITS_BPF;
    if (exits_memory_find(&points, &arguments, NULL) >= 0 || arguments.pid_at >= 0 ||
        exits_open(&points, &exits, NULL) < 0)
        return false;
    const char *why = exits_by_records(exits);
    bool says_why = why && strstr(why, BTF_ROOT);
    work();
    exits_each(exits, getpid(), add, &calls);
    exits_each(exits, getpid(), add, &sleeps);
    exits_close(exits);
    return says_why && calls.sum.count == CALLS && sleeps.sum.count == SLEEPS &&
           sleeps.sum.off_ns > sleeps.sum.kernel_ns;
}

/* Then there are records, and the same is found in them. */
static void test_without_types(void **state)
{
    (void)state;
    exits_close(open_or_skip(&system_calls, EXITS_BPF));
    pid_t pid = fork();
    if (pid == 0)
        _exit(hide_types() < 0 || count_by_records() ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Each call has what was counted since the one before. */
static void test_counts_go_with_the_calls(void **state)
{
    (void)state;
    struct exits_points points = system_calls;
    struct exits *exits = NULL;
    struct error err = {0};
    struct wanted calls = {.reason = SYS_getppid}, sleeps = {.reason = SYS_clock_nanosleep};
    points.counter = &cpu_clock;
    points.source = EXITS_BPF;
    if (exits_open(&points, &exits, &err) < 0 || exits_uncounted(exits)) {
        printf("skipped: %s\n", exits ? exits_uncounted(exits) : err.text);
        exits_close(exits);
        skip();
    }
    uint64_t before = 0, after = 0;
    assert_true(exits_count_all(exits, &before));
    work();
    exits_each(exits, getpid(), add, &calls);
    exits_each(exits, getpid(), add, &sleeps);
    assert_true(exits_count_all(exits, &after));
    assert_null(exits_uncounted(exits));
    exits_close(exits);
    /* All CPUs' have that of the calls, and of what else there was. */
    assert_true(after - before > calls.sum.kernel_count + sleeps.sum.kernel_count);
    assert_int_equal(calls.sum.count, CALLS);
    assert_true(calls.sum.kernel_count > 0);
    assert_int_equal(calls.sum.user_count, 0);
    /* The clock of a CPU goes on while the thread sleeps, and that is not the thread's. */
    assert_true(sleeps.sum.kernel_count > 0);
    assert_true(sleeps.sum.kernel_count < sleeps.sum.off_ns);
}

static void test_uncounted_says_why(void **state)
{
    (void)state;
    struct exits *exits = NULL;
    struct error err = {0};
    struct exits_points points = system_calls;
    const struct perf_event_attr wrong = {.type = PERF_TYPE_MAX + 1000, .size = sizeof(wrong)};
    points.counter = &wrong;
    points.source = EXITS_BPF;
    if (exits_open(&points, &exits, &err) < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    assert_non_null(exits_uncounted(exits));
    assert_non_null(strstr(exits_uncounted(exits), "no performance counters"));
    uint64_t all = 0;
    assert_false(exits_count_all(exits, &all));
    exits_close(exits);
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

static void test_tracefs_knows_no_counts(void **state)
{
    (void)state;
    struct exits_points points = system_calls;
    uint64_t all = 0;
    points.counter = &cpu_clock;
    struct exits *exits = open_or_skip(&points, EXITS_TRACEFS);
    assert_non_null(exits_uncounted(exits));
    assert_false(exits_count_all(exits, &all));
    exits_close(exits);
}

/* While this is called nobody empties the buffer. */
static void flood(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    bool *is_done = context;
    (void)key;
    (void)sum;
    for (int i = 0; i < FLOOD && !*is_done; i++)
        syscall(SYS_getuid);
    *is_done = true;
}

/* Records that the buffer had no room for are lost and counted, and what comes after them is
 * right. */
static void test_full_buffer(void **state)
{
    (void)state;
    struct exits *exits = open_or_skip(&system_calls, EXITS_TRACEFS);
    struct wanted flooded = {.reason = SYS_getuid}, calls = {.reason = SYS_getppid};
    bool is_done = false;
    syscall(SYS_getuid);
    exits_each(exits, getpid(), flood, &is_done);
    assert_true(is_done);
    exits_each(exits, getpid(), add, &flooded);
    uint64_t lost = exits_lost(exits);
    work();
    exits_each(exits, getpid(), add, &calls);
    uint64_t lost_after = exits_lost(exits);
    exits_close(exits);
    assert_true(lost > 0);
    assert_true(flooded.sum.count < FLOOD);
    assert_true(flooded.sum.count + lost >= FLOOD);
    if (lost_after == lost)
        assert_int_equal(calls.sum.count, CALLS);
}

/* Our own instances in tracefs of that process. */
static unsigned count_instances(pid_t process)
{
    char prefix[32];
    unsigned count = 0;
    int length = snprintf(prefix, sizeof(prefix), "vtax-%d-", (int)process);
    DIR *directory = opendir(TRACING_DIRECTORY "/instances");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += strncmp(entry->d_name, prefix, (size_t)length) == 0;
    closedir(directory);
    return count;
}

/* A process that is killed leaves its instance behind; the next one to look removes it. */
static void test_nothing_is_left_behind(void **state)
{
    (void)state;
    struct exits *exits = open_or_skip(&system_calls, EXITS_TRACEFS);
    assert_int_equal(count_instances(getpid()), 1);
    exits_close(exits);
    assert_int_equal(count_instances(getpid()), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct exits_points points = system_calls;
        points.source = EXITS_TRACEFS;
        (void)!exits_open(&points, &exits, NULL);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_instances(pid), 1);
    exits_close(open_or_skip(&system_calls, EXITS_TRACEFS));
    assert_int_equal(count_instances(pid), 0);
}

/* The kernel refuses these two system calls from here on. */
static int refuse(uint32_t first, uint32_t second)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
               ? -errno
               : 0;
}

static int refuse_bpf(void)
{
    return refuse(SYS_bpf, SYS_bpf);
}

static int refuse_both(void)
{
    return refuse(SYS_bpf, SYS_mkdir);
}

/* Root without the right to load BPF programs has the same counts and times. */
static void test_without_bpf(void **state)
{
    (void)state;
    exits_close(open_or_skip(&system_calls, EXITS_TRACEFS));
    pid_t pid = fork();
    if (pid == 0) {
        struct exits *exits = NULL;
        struct wanted calls = {.reason = SYS_getppid};
        if (refuse_bpf() < 0 || exits_open(&system_calls, &exits, NULL) < 0)
            _exit(2);
        work();
        exits_each(exits, getpid(), add, &calls);
        const char *why = exits_without_bpf(exits);
        bool is_good = strcmp(exits_source_name(exits), "tracefs") == 0 && why &&
                       strstr(why, strerror(EPERM)) &&
                       (calls.sum.count == CALLS || exits_lost(exits) > 0);
        exits_close(exits);
        _exit(is_good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static bool is_missing(const struct probe_readings *readings, int machine, const char *name,
                       const char *why)
{
    const struct probe_reading *found = probe_readings_find(readings, machine, name);
    return found && found->missing && strstr(found->missing, why);
}

/* What the probe makes of that: readings of its own, and the reason for what there is not. */
static bool probe_without_bpf(void)
{
    CLEANUP_PROBE_READINGS struct probe_readings readings = {0};
    char name[] = "exits", *items[] = {name};
    const struct option_texts names = {.items = items, .count = 1};
    const struct probe_target target = {.pid = getpid(), .is_virtual = true, .is_kvm = true};
    struct probing *probing = probing_open(&target, 1, &names);
    probing_begin(probing);
    probing_end(probing, &readings);
    probing_close(probing);
    const struct probe_reading *looked = probe_readings_find(&readings, -1, "exits");
    const struct probe_reading *lost = probe_readings_find(&readings, 0, "exits:lost");
    return looked && !looked->missing && looked->value == 1 && lost && !lost->missing &&
           is_missing(&readings, -1, "exits:bpf", "exits are read from tracefs: ") &&
           is_missing(&readings, 0, "exits:instructions", "tracefs");
}

static void test_probe_without_bpf(void **state)
{
    (void)state;
    exits_close(open_or_skip(&exits_of_kvm, EXITS_TRACEFS));
    pid_t pid = fork();
    if (pid == 0)
        _exit(refuse_bpf() == 0 && probe_without_bpf() ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

enum { AS_SAID, SAID_OTHERWISE, CANNOT_TRY };

/* What the probe says where it cannot work, in a process of its own that made the world so. */
static int say_in_child(int (*prepare)(void), const char *want)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct exits *exits = NULL;
        struct error err = {0};
        if (prepare() < 0)
            _exit(CANNOT_TRY);
        int rc = exits_open(&system_calls, &exits, &err);
        _exit(rc < 0 && strstr(err.text, want) ? AS_SAID : SAID_OTHERWISE);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int hide_tracefs(void)
{
    return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                   mount("none", "/sys/kernel", "tmpfs", 0, NULL) < 0
               ? -errno
               : 0;
}

static int become_nobody(void)
{
    return geteuid() == 0 && setresuid(65534, 65534, 65534) < 0 ? -errno : 0;
}

/* As in a container: process 1 of a PID namespace of its own, without BPF. */
static int enter_pid_namespace(void)
{
    int status = 0;
    if (unshare(CLONE_NEWPID) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        return refuse_bpf();
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -ECHILD;
    _exit(WEXITSTATUS(status));
}

static void test_bad_conditions_are_named(void **state)
{
    (void)state;
    int hidden = say_in_child(hide_tracefs, "mount -t tracefs tracefs");
    int nobody = say_in_child(become_nobody, "only root may read tracefs");
    assert_int_not_equal(hidden, SAID_OTHERWISE);
    assert_int_not_equal(nobody, SAID_OTHERWISE);
    if (access(TRACING_DIRECTORY "/events/kvm", R_OK) == 0) {
        assert_int_not_equal(say_in_child(refuse_both, "; by tracefs: make the trace instance '"),
                             SAID_OTHERWISE);
        assert_int_not_equal(say_in_child(enter_pid_namespace, "by tracefs: tracefs tells process"),
                             SAID_OTHERWISE);
    }
    if (hidden == CANNOT_TRY || nobody == CANNOT_TRY) {
        printf("skipped: not permitted to hide tracefs, or to be another user\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"calls and sleeps, by BPF", test_calls_and_sleeps_are_counted, NULL, NULL, (void *)&bpf},
        {"calls and sleeps, by BPF without records", test_calls_and_sleeps_are_counted, NULL, NULL,
         (void *)&memory},
        {"calls and sleeps, by tracefs", test_calls_and_sleeps_are_counted, NULL, NULL,
         (void *)&tracefs},
        cmocka_unit_test(test_without_types),
        cmocka_unit_test(test_counts_go_with_the_calls),
        cmocka_unit_test(test_uncounted_says_why),
        cmocka_unit_test(test_tracefs_knows_no_counts),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_nothing_is_left_behind),
        cmocka_unit_test(test_without_bpf),
        cmocka_unit_test(test_probe_without_bpf),
        cmocka_unit_test(test_no_such_tracepoint),
        cmocka_unit_test(test_bad_conditions_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
