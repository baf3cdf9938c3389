/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The probe `counters` where there is no counter: the processor's events stand for the kernel's own
 * with the same number, which every Linux counts. Its calls go through here.
 */
#include "test.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/probe.h"
#include "syscall-wrap.h"
#include "tracing.h"

#define PAGES 1000
#define PAGES_AROUND 200 /* that others than the touched ones take at most */
#define NAMED_MAX 20

static const char refused[] = "event 'instructions': this host shows no performance counters that "
                              "tell guest from host";

int __wrap_counter_check_trust(struct error *err);

/* No known loop is in the kernel's events. */
int __wrap_counter_check_trust(struct error *err)
{
    (void)err;
    return 0;
}

/* What else the kernel refuses. */
static bool no_cpus;    /* counters of CPUs: who is not root */
static bool no_updates; /* programs for another CPU, which has gone off line */

static long refuse(int code)
{
    errno = code;
    return -1;
}

/* Guests are not counted. */
static long open_in_place(const struct perf_event_attr *wanted, const long *more)
{
    struct perf_event_attr attributes = *wanted;
    if (attributes.exclude_host)
        return refuse(EOPNOTSUPP);
    if (no_cpus && (pid_t)more[0] == -1)
        return refuse(EACCES);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config &= 0xff;
    return __real_syscall(SYS_perf_event_open, &attributes, more[0], more[1], more[2], more[3]);
}

static bool answer_syscall(long number, const long values[SYSCALL_VALUES], long *out_result)
{
    const struct perf_event_attr *wanted = (const void *)values[0];
    bool opens = number == SYS_perf_event_open &&
                 (wanted->type == PERF_TYPE_HARDWARE || wanted->type == PERF_TYPE_RAW);
    if (opens)
        *out_result = open_in_place(wanted, values + 1);
    else if (number == SYS_bpf && values[0] == BPF_PROG_TEST_RUN && no_updates)
        *out_result = refuse(ENXIO);
    else
        return false;
    return true;
}

/* A process of one thread, which has the name of a virtual CPU's and touches pages when it is told
 * to. */
struct vcpu {
    pid_t pid;
    int commands;
    int answers;
};

static void serve(int commands, int answers)
{
    size_t page = (size_t)getpagesize(), bytes = PAGES * page;
    for (char command; read(commands, &command, 1) == 1;) {
        char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED || madvise(area, bytes, MADV_NOHUGEPAGE) < 0)
            _exit(1);
        for (size_t i = 0; i < bytes; i += page)
            area[i] = 1;
        munmap(area, bytes);
        if (write(answers, &command, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static struct vcpu start_vcpu(void)
{
    int commands[2], answers[2];
    char ready = 0;
    assert_int_equal(pipe2(commands, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "CPU 0/KVM");
        close(commands[1]);
        if (write(answers[1], &ready, 1) == 1)
            serve(commands[0], answers[1]);
        _exit(1);
    }
    close(commands[0]);
    close(answers[1]);
    assert_int_equal(read(answers[0], &ready, 1), 1);
    return (struct vcpu){pid, commands[1], answers[0]};
}

static void touch_pages(const struct vcpu *vcpu)
{
    char byte = 0;
    assert_int_equal(write(vcpu->commands, &byte, 1), 1);
    assert_int_equal(read(vcpu->answers, &byte, 1), 1);
}

static void end_vcpu(const struct vcpu *vcpu)
{
    int status;
    close(vcpu->commands);
    close(vcpu->answers);
    assert_int_equal(waitpid(vcpu->pid, &status, 0), vcpu->pid);
    assert_int_equal(status, 0);
}

/* So many named events, of which the last one alone is page faults; the others are emulation
 * faults, of which there are none. Only the byte that tells them apart is theirs. */
static void look(size_t named, struct probe_readings *out)
{
    char names[NAMED_MAX][24];
    char *items[NAMED_MAX];
    for (size_t i = 0; i < named; i++) {
        int number = i + 1 < named ? PERF_COUNT_SW_EMULATION_FAULTS : PERF_COUNT_SW_PAGE_FAULTS;
        snprintf(names[i], sizeof(names[i]), "r%zx%02x", i + 1, (unsigned)number);
        items[i] = names[i];
    }
    const struct option_texts events = {items, named},
                              wanted = {(char *[]){(char[]){"counters"}}, 1};
    struct vcpu vcpu = start_vcpu();
    const struct probe_target target = {
        .pid = vcpu.pid, .is_virtual = true, .is_kvm = true, .events = &events};
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    touch_pages(&vcpu);
    probing_end(probing, out);
    probing_close(probing);
    end_vcpu(&vcpu);
}

/* Beside instructions and cycles. */
static void check_named(const struct probe_readings *readings, size_t named)
{
    for (size_t i = 0; i < named; i++) {
        bool is_faults = i + 1 == named;
        int number = is_faults ? PERF_COUNT_SW_PAGE_FAULTS : PERF_COUNT_SW_EMULATION_FAULTS;
        CLEANUP_FREE char *host = mem_printf("counters:host_r%zx%02x", i + 1, (unsigned)number);
        CLEANUP_FREE char *guest = mem_printf("counters:guest_r%zx%02x", i + 1, (unsigned)number);
        const struct probe_reading *reading = probe_readings_find(readings, 0, host);
        assert_non_null(reading);
        assert_null(reading->missing);
        uint64_t least = is_faults ? PAGES : 0, most = is_faults ? PAGES + PAGES_AROUND : 0;
        if (reading->value < least || reading->value > most)
            fail_msg("%s of %zu: %llu, expected %llu to %llu", host, named,
                     (unsigned long long)reading->value, (unsigned long long)least,
                     (unsigned long long)most);
        reading = probe_readings_find(readings, 0, guest);
        assert_non_null(reading);
        assert_string_equal(reading->missing, refused);
    }
}

static void open_or_skip(struct probe_readings *readings, size_t named)
{
    look(named, readings);
    const struct probe_reading *reading = probe_readings_find(readings, -1, "counters");
    if (reading->missing) {
        printf("skipped: %s\n", reading->missing);
        skip();
    }
}

/* However many there are each is read from its own counter: of CPUs as far as these go, and then of
 * threads. */
static void test_many_named_events(void **state)
{
    (void)state;
    const size_t named[] = {1, 13, 14, 15, 16, 17, NAMED_MAX};
    (void)!tracing_mount();
    for (size_t i = 0; i < COUNT_OF(named); i++) {
        CLEANUP_PROBE_READINGS struct probe_readings readings = {0};
        open_or_skip(&readings, named[i]);
        check_named(&readings, named[i]);
    }
}

/* What is counted otherwise than asked for says so. */
static void test_too_many_for_the_cpus(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings few = {0}, many = {0};
    (void)!tracing_mount();
    open_or_skip(&few, 14);
    const struct probe_reading *reading = probe_readings_find(&few, -1, "counters:by_cpu");
    if (reading) {
        printf("skipped: %s\n", reading->missing);
        skip();
    }
    open_or_skip(&many, 15);
    reading = probe_readings_find(&many, -1, "counters:by_cpu");
    assert_non_null(reading);
    assert_non_null(strstr(reading->missing, "17 events are more than 16"));
}

/* Where CPUs may not be counted threads have counters of their own, and of the whole host there is
 * none: both are said. */
static void test_who_may_not_count_everything(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings readings = {0};
    const struct option_texts wanted = {(char *[]){(char[]){"counters"}}, 1};
    struct vcpu process = start_vcpu();
    const struct probe_target target = {.pid = process.pid};
    no_cpus = true;
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    touch_pages(&process);
    probing_end(probing, &readings);
    probing_close(probing);
    no_cpus = false;
    end_vcpu(&process);
    const struct probe_reading *own =
        probe_readings_find(&readings, 0, "counters:native_instructions");
    assert_non_null(own);
    assert_true(!own->missing && own->value > 0);
    const struct probe_reading *all =
        probe_readings_find(&readings, -1, "counters:whole_host_instructions");
    assert_non_null(all);
    assert_non_null(strstr(all->missing, "kernel.perf_event_paranoid below 1"));
    assert_non_null(probe_readings_find(&readings, -1, "counters:by_cpu")->missing);
}

/* What running threads did since their last switch is in no sum: then the sums are none. */
static void test_sums_that_are_behind(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings readings = {0};
    const struct option_texts wanted = {(char *[]){(char[]){"counters"}}, 1};
    struct vcpu vcpu = start_vcpu();
    const struct probe_target target = {.pid = vcpu.pid, .is_virtual = true, .is_kvm = true};
    (void)!tracing_mount();
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    no_updates = true;
    probing_end(probing, &readings);
    no_updates = false;
    probing_close(probing);
    end_vcpu(&vcpu);
    const struct probe_reading *why = probe_readings_find(&readings, -1, "counters:by_cpu");
    assert_non_null(why);
    if (!strstr(why->missing, "No such device or address")) {
        printf("skipped: %s\n", why->missing);
        skip();
    }
    const struct probe_reading *host =
        probe_readings_find(&readings, 0, "counters:host_instructions");
    assert_non_null(host);
    assert_non_null(host->missing);
    assert_non_null(strstr(host->missing, "could not be counted"));
}

/* ... and where they cannot even begin the probe says so. */
static void test_sums_that_cannot_begin(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings few = {0}, readings = {0};
    (void)!tracing_mount();
    open_or_skip(&few, 1);
    if (probe_readings_find(&few, -1, "counters:by_cpu")) {
        printf("skipped: %s\n", probe_readings_find(&few, -1, "counters:by_cpu")->missing);
        skip();
    }
    no_updates = true;
    look(1, &readings);
    no_updates = false;
    const struct probe_reading *probe = probe_readings_find(&readings, -1, "counters");
    assert_non_null(probe->missing);
    assert_non_null(strstr(probe->missing, "No such device or address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_named_events),
        cmocka_unit_test(test_too_many_for_the_cpus),
        cmocka_unit_test(test_who_may_not_count_everything),
        cmocka_unit_test(test_sums_that_are_behind),
        cmocka_unit_test(test_sums_that_cannot_begin),
    };
    return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
