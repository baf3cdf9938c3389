/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/bpf_code.h"
#include "probe/event_name.h"
#include "probe/exit_reason.h"
#include "probe/guest_counts.h"
#include "probe/pressure.h"
#include "probe/probe.h"
#include "probe/process.h"
#include "probe/tracepoint.h"
#include "probe/vbox_times.h"
#include "world.h"

#define TEXT(literal) (literal), sizeof(literal) - 1

static void test_readings_subtract(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings begin = {0};
    CLEANUP_PROBE_READINGS struct probe_readings end = {0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    probe_readings_add(&begin, 0, 10, "a");
    probe_readings_add(&begin, 0, 10, "back");
    probe_readings_add(&begin, 1, 7, "gone");
    probe_readings_add(&end, 0, 25, "a");
    probe_readings_add(&end, 1, 5, "a");
    probe_readings_add(&end, 0, 9, "back");
    probe_readings_miss(&end, 1, "none", "because %d", 1);
    probe_readings_subtract(&end, &begin, &out);
    assert_int_equal(out.count, 5);
    assert_int_equal(probe_readings_find(&out, 0, "a")->value, 15);
    assert_int_equal(probe_readings_find(&out, 1, "a")->value, 5);
    assert_non_null(probe_readings_find(&out, 0, "back")->missing);
    assert_string_equal(probe_readings_find(&out, 1, "none")->missing, "because 1");
    assert_non_null(probe_readings_find(&out, 1, "gone")->missing);
}

/* What could not be read at the beginning did not begin at 0, and what could not be read at the end
 * is gone for that reason. */
static void test_missing_beginnings(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings begin = {0};
    CLEANUP_PROBE_READINGS struct probe_readings end = {0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    probe_readings_miss(&begin, 0, "devices:net", "no tap");
    probe_readings_add(&begin, 1, 5, "guest:ctxt");
    probe_readings_add(&end, 0, 9000, "devices:net0_sent");
    probe_readings_add(&end, 0, 7, "devices:disk_vda_reads");
    probe_readings_add(&end, 1, 8, "devices:net0_sent");
    probe_readings_miss(&end, 1, "guest", "it did not answer");
    probe_readings_subtract(&end, &begin, &out);
    assert_string_equal(probe_readings_find(&out, 0, "devices:net0_sent")->missing, "no tap");
    assert_int_equal(probe_readings_find(&out, 0, "devices:disk_vda_reads")->value, 7);
    assert_int_equal(probe_readings_find(&out, 1, "devices:net0_sent")->value, 8);
    assert_string_equal(probe_readings_find(&out, 1, "guest:ctxt")->missing, "it did not answer");
}

/* Nothing to look at: each probe is named, with the reason. */
static void test_absent_probes_have_reasons(void **state)
{
    (void)state;
    const struct probe_target target = {.index = 0};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct probing *probing = probing_open(&target, 1, NULL);
    probing_begin(probing);
    probing_end(probing, &out);
    probing_close(probing);
    for (size_t i = 0; probes[i]; i++) {
        const struct probe_reading *reading = probe_readings_find(&out, -1, probes[i]->name);
        assert_non_null(reading);
        assert_non_null(reading->missing);
        assert_true(strlen(reading->missing) > 10);
    }
}

static void test_probes_are_chosen(void **state)
{
    (void)state;
    const struct probe_target target = {.pid = getpid(), .is_virtual = true};
    const struct option_texts one = {(char *[]){(char[]){"process"}}, 1},
                              none = {(char *[]){(char[]){"none"}}, 1};
    const struct option_texts both = {(char *[]){(char[]){"none"}, (char[]){"host"}}, 2},
                              bad = {(char *[]){(char[]){"x"}}, 1};
    struct error err = {0};
    assert_int_equal(probe_check_names(&one, &err), 0);
    assert_int_equal(probe_check_names(&none, &err), 0);
    assert_int_equal(probe_check_names(&both, &err), -EINVAL);
    assert_int_equal(probe_check_names(&bad, &err), -EINVAL);
    const struct option_texts *const choices[] = {&one, &none};
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        CLEANUP_PROBE_READINGS struct probe_readings out = {0};
        struct probing *probing = probing_open(&target, 1, choices[i]);
        probing_begin(probing);
        probing_end(probing, &out);
        probing_close(probing);
        assert_true(!probe_readings_find(&out, 0, "process:user_ns") == (i == 1));
        const char *why = probe_readings_find(&out, -1, "host")->missing;
        assert_string_equal(why, "switched off by the plan's `probes`");
        assert_non_null(probe_readings_find(&out, -1, "interval_ns"));
    }
}

/* Events of the kernel itself are there without any counter of the processor. */
static void test_event_names(void **state)
{
    (void)state;
    struct perf_event_attr attributes = {0};
    struct error err = {0};
    uint64_t config = 0;
    assert_int_equal(event_name_parse_raw("r01C2", 5, &config), 0);
    assert_int_equal(config, 0x1c2);
    assert_int_equal(event_name_parse_raw("r", 1, &config), -EBADMSG);
    assert_int_equal(event_name_parse_raw("r1g", 3, &config), -EBADMSG);
    assert_int_equal(event_name_parse_raw("r12345678901234567", 18, &config), -EBADMSG);
    assert_int_equal(event_name_encode("r1c2", &attributes, &err), 0);
    assert_int_equal(attributes.type, PERF_TYPE_RAW);
    assert_int_equal(attributes.config, 0x1c2);
    int rc = event_name_encode("perf::CONTEXT-SWITCHES", &attributes, &err);
    if (rc == -ENOTSUP) {
        assert_non_null(strstr(err.text, "libpfm"));
        print_message("without names: %s\n", err.text);
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(attributes.type, PERF_TYPE_SOFTWARE);
    assert_int_equal(attributes.config, PERF_COUNT_SW_CONTEXT_SWITCHES);
    assert_int_equal(event_name_encode("perf::NO-SUCH-EVENT", &attributes, &err), -EINVAL);
    assert_non_null(strstr(err.text, "'perf::NO-SUCH-EVENT'"));
}

static void test_own_process(void **state)
{
    (void)state;
    const struct probe_target target = {.index = 3, .pid = getpid(), .is_virtual = true};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct probing *probing = probing_open(&target, 1, NULL);
    probing_begin(probing);
    for (volatile unsigned i = 0; i < 100000000; i++)
        ;
    probing_end(probing, &out);
    probing_close(probing);
    const struct probe_reading *user = probe_readings_find(&out, 3, "process:user_ns");
    const struct probe_reading *run = probe_readings_find(&out, 3, "process:emulator_run_ns");
    assert_non_null(user);
    assert_true(user->value > 0);
    assert_non_null(run);
    assert_true(run->value > 0);
    assert_null(probe_readings_find(&out, 3, "process:vcpu_run_ns"));
}

/* Of a process that has ended nothing is 0; of one that is there what it has is told. */
static void test_ended_process(void **state)
{
    (void)state;
    const struct option_texts wanted = {(char *[]){(char[]){"process"}, (char[]){"pressure"}}, 2};
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    const struct probe_target targets[] = {{.pid = getpid()}, {.index = 1, .pid = pid}};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct probing *probing = probing_open(targets, COUNT_OF(targets), &wanted);
    probing_begin(probing);
    probing_end(probing, &out);
    probing_close(probing);
    assert_null(probe_readings_find(&out, 0, "process:user_ns")->missing);
    assert_null(probe_readings_find(&out, 1, "process:user_ns"));
    assert_non_null(strstr(probe_readings_find(&out, 1, "process")->missing, "not there any more"));
    assert_non_null(probe_readings_find(&out, 1, "process:disk_read_bytes")->missing);
    const struct probe_reading *pressure = probe_readings_find(&out, -1, "pressure");
    if (pressure->missing) {
        print_message("pressure was not looked at: %s\n", pressure->missing);
        return;
    }
    assert_non_null(probe_readings_find(&out, 0, "pressure:cpu_some_ns"));
    assert_non_null(strstr(probe_readings_find(&out, 1, "pressure")->missing, "it has no cgroup"));
}

/* Writes to the disk, tells how much the kernel counted, and stays. */
static void write_and_stay(int fd)
{
    static const char zeros[1 << 20];
    CLEANUP_FREE char *text = NULL;
    char path[] = "vtax-test-probe.XXXXXX";
    size_t length;
    uint64_t bytes = 0;
    int file = mkstemp(path);
    unlink(path);
    if (fd_write_all(file, zeros, sizeof(zeros)) < 0 || fsync(file) < 0 ||
        file_read("/proc/self/io", 4096, &text, &length, NULL) < 0 ||
        process_parse_field(text, length, "write_bytes", &bytes) < 0)
        bytes = 0;
    (void)!write(fd, &bytes, sizeof(bytes));
    pause();
}

/* A native instance's work is done by children of its first process. */
static void test_disk_of_children(void **state)
{
    (void)state;
    const struct option_texts wanted = {(char *[]){(char[]){"process"}}, 1};
    const struct probe_target target = {.pid = getpid()};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    uint64_t bytes = 0;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    pid_t pid = fork();
    if (pid == 0)
        write_and_stay(ends[1]);
    assert_int_equal(read(ends[0], &bytes, sizeof(bytes)), sizeof(bytes));
    probing_end(probing, &out);
    probing_close(probing);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    if (bytes == 0) {
        print_message("skipped: nothing here goes to a disk\n");
        skip();
    }
    const struct probe_reading *written = probe_readings_find(&out, 0, "process:disk_write_bytes");
    assert_null(written->missing);
    assert_true(written->value >= bytes);
}

static void test_exit_reasons(void **state)
{
    (void)state;
    assert_string_equal(exit_reason_name(EXIT_ISA_AMD, 0x400), "npf");
    assert_string_equal(exit_reason_name(EXIT_ISA_AMD, 0x78), "hlt");
    assert_string_equal(exit_reason_name(EXIT_ISA_INTEL, 12), "hlt");
    assert_string_equal(exit_reason_name(EXIT_ISA_INTEL, 48), "ept-violation");
    assert_null(exit_reason_name(EXIT_ISA_INTEL, 5000));
    assert_int_equal(exit_reason_class(EXIT_ISA_AMD, 0x78), EXIT_IDLE);
    assert_int_equal(exit_reason_class(EXIT_ISA_INTEL, 1), EXIT_INTERRUPT);
    assert_int_equal(exit_reason_class(EXIT_ISA_AMD, 0x400), EXIT_TRANSLATION);
    assert_int_equal(exit_reason_class_of("io"), EXIT_DEVICE);
    assert_int_equal(exit_reason_class_of("cpuid"), EXIT_OTHER);
    assert_int_equal(exit_reason_class_of("0x999"), EXIT_OTHER);
}

static const char format_text[] =
    "name: kvm_exit\nID: 1234\nformat:\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
    "\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;\n"
    "\tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:u32 isa;\toffset:24;\tsize:4;\tsigned:0;\n";

static void test_tracepoint_format(void **state)
{
    (void)state;
    size_t length = sizeof(format_text) - 1;
    assert_int_equal(tracepoint_parse_id(format_text, length), 1234);
    assert_int_equal(tracepoint_parse_field(format_text, length, "exit_reason", 4), 8);
    assert_int_equal(tracepoint_parse_field(format_text, length, "isa", 4), 24);
    assert_int_equal(tracepoint_parse_field(format_text, length, "guest_rip", 4), -EBADMSG);
    assert_int_equal(tracepoint_parse_field(format_text, length, "reason", 4), -ENOENT);
    assert_int_equal(tracepoint_parse_id(TEXT("name: x\n")), -EBADMSG);
    assert_int_equal(tracepoint_parse_field(format_text, 120, "isa", 4), -ENOENT);
}

static void test_bpf_jumps(void **state)
{
    (void)state;
    struct bpf_code code;
    bpf_code_init(&code);
    size_t end = bpf_code_label(&code), back = bpf_code_label(&code);
    bpf_code_place(&code, back);
    bpf_code_set(&code, 0, 7);
    bpf_code_jump_if(&code, BPF_JEQ, 0, 0, end);
    bpf_code_load_map(&code, 1, 42);
    bpf_code_jump(&code, back);
    bpf_code_place(&code, end);
    bpf_code_end(&code);
    bpf_code_link(&code);
    assert_int_equal(code.count, 6);
    assert_int_equal(code.insns[1].off, 3);
    assert_int_equal(code.insns[2].imm, 42);
    assert_int_equal(code.insns[2].src_reg, BPF_PSEUDO_MAP_FD);
    assert_int_equal(code.insns[4].off, -5);
}

struct counts {
    char text[2048];
};

static void note(const char *name, uint64_t value, void *context)
{
    struct counts *counts = context;
    size_t length = strlen(counts->text);
    snprintf(counts->text + length, sizeof(counts->text) - length, "%s=%llu\n", name,
             (unsigned long long)value);
}

static void test_guest_counts(void **state)
{
    (void)state;
    struct counts counts = {0};
    guest_counts_parse(
        TEXT("==> /proc/stat <==\ncpu  100 2 30 4000 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
             "intr 999 1 2 3\nctxt 12345\nsoftirq 77 1 2\n\n"
             "==> /proc/interrupts <==\n           CPU0       CPU1\n"
             "  1:   10   20  IO-APIC 1-edge i8042\nLOC:  5   6   Local timer interrupts\n"
             "==> /proc/schedstat <==\nversion 15\ncpu0 0 0 0 0 0 0 1000 200 3\n"
             "domain0 03 0 0\ncpu1 0 0 0 0 0 0 50 7 1\n"
             "==> /proc/unknown <==\nctxt 1\n"
             "==> /proc/diskstats <==\n 254 0 vda 10 0 16 4 3 0 8 2 0 0 0\n"
             "   7 0 loop0 5 0 5 0 0 0 0 0 0 0 0\n"
             "==> /proc/net/dev <==\nInter-| Receive\n"
             "  eth0: 1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n"),
        note, &counts);
    assert_non_null(strstr(counts.text, "cpu_user_ns=1000000000\n"));
    assert_non_null(strstr(counts.text, "cpu_steal_ns=80000000\n"));
    assert_non_null(strstr(counts.text, "intr=999\nctxt=12345\nsoftirq=77\n"));
    assert_non_null(strstr(counts.text, "irq_LOC=11\n"));
    assert_non_null(strstr(counts.text, "irq_devices=30\n"));
    assert_non_null(strstr(counts.text, "sched_run_ns=1050\nsched_wait_ns=207\n"));
    assert_non_null(strstr(counts.text, "disk_vda_read_bytes=8192\n"));
    assert_non_null(strstr(counts.text, "disk_vda_write_ns=2000000\n"));
    assert_non_null(strstr(counts.text, "net_eth0_sent_bytes=2000\n"));
    assert_null(strstr(counts.text, "loop0"));
    assert_null(strstr(counts.text, "ctxt=1\n"));
}

static void test_pressure(void **state)
{
    (void)state;
    uint64_t us = 0;
    assert_int_equal(pressure_parse_total(TEXT("some avg10=0.00 avg60=0.12 avg300=0.1 total=4711\n"
                                               "full avg10=0.00 avg60=0.00 avg300=0.0 total=12\n"),
                                          "full", &us),
                     0);
    assert_int_equal(us, 12);
    assert_int_equal(pressure_parse_total(TEXT("some avg10=0\n"), "some", &us), -EBADMSG);
}

static void test_cgroup(void **state)
{
    (void)state;
    CLEANUP_FREE char *group = pressure_parse_cgroup(TEXT("4:cpu:/a\n0::/machine/qemu-1\n"));
    assert_string_equal(group, "/machine/qemu-1");
    assert_null(pressure_parse_cgroup(TEXT("4:cpu:/a\n")));
}

static void test_process_texts(void **state)
{
    (void)state;
    struct process_stat stat;
    assert_int_equal(
        process_parse_stat(TEXT("7 (a) b) S 5 1 1 0 -1 0 10 20 30 40 50 60 7 8 20 0 1 0 99\n"),
                           &stat),
        0);
    assert_int_equal(stat.parent, 5);
    assert_int_equal(stat.minor_faults, 30);
    assert_int_equal(stat.major_faults, 70);
    assert_int_equal(stat.user_ticks, 57);
    assert_int_equal(stat.system_ticks, 68);
    assert_int_equal(stat.guest_ticks, 0);
    assert_int_equal(process_parse_stat(TEXT("7 (a"), &stat), -EBADMSG);
    assert_int_equal(
        process_parse_stat(TEXT("7 (CPU 0/KVM) S 5 1 1 0 -1 0 10 20 30 40 50 60 7 8 20 "
                                "0 1 0 99 1 2 3 4 5 6 7 8 9 0 0 0 0 0 0 17 1 0 0 0 41 "
                                "42 0\n"),
                           &stat),
        0);
    assert_int_equal(stat.guest_ticks, 41);
    uint64_t value;
    assert_int_equal(
        process_parse_field(TEXT("xread_bytes: 1\nread_bytes: 42\n"), "read_bytes", &value), 0);
    assert_int_equal(value, 42);
    assert_int_equal(process_parse_field(TEXT("a: 1\n"), "b", &value), -ENOENT);
    assert_int_equal(process_parse_field(TEXT("a: x\n"), "a", &value), -EBADMSG);
    assert_int_equal(thread_role_of("CPU 3/KVM"), THREAD_VCPU);
    assert_int_equal(thread_role_of("ALL CPUs/TCG\n"), THREAD_VCPU);
    assert_int_equal(thread_role_of("EMT\n"), THREAD_VCPU);
    assert_int_equal(thread_role_of("EMT-1\n"), THREAD_VCPU);
    assert_int_equal(thread_role_of("EMTX\n"), THREAD_EMULATOR);
    assert_int_equal(thread_role_of("IO iothread1"), THREAD_IO);
    assert_int_equal(thread_role_of("qemu-system-x86"), THREAD_EMULATOR);
}

#define STATUS "Name:\tx\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n"
#define VCPU "/9/task/10"
#define MAIN "/9/task/9"

/* Two threads, as /proc shows them, and what is said of how long the virtual CPU's ran. */
static const struct {
    struct world_file files[8];
    bool is_told;
} timed[] = {
    {{{VCPU "/comm", "CPU 0/KVM\n"},
      {VCPU "/status", STATUS},
      {VCPU "/schedstat", "700 30 4\n"},
      {MAIN "/comm", "qemu\n"},
      {MAIN "/status", STATUS},
      {MAIN "/schedstat", "90 1 2\n"}},
     true},
    {{{VCPU "/comm", "CPU 0/KVM\n"},
      {VCPU "/status", STATUS},
      {MAIN "/comm", "qemu\n"},
      {MAIN "/status", STATUS},
      {MAIN "/schedstat", "90 1 2\n"}},
     false},
    {{{VCPU "/comm", "CPU 0/KVM\n"},
      {VCPU "/status", STATUS},
      {VCPU "/schedstat", "0 0 0\n"},
      {MAIN "/comm", "qemu\n"},
      {MAIN "/status", STATUS},
      {MAIN "/schedstat", "0 0 0\n"}},
     false},
};

/* What the scheduler does not tell is missing and no 0; what /proc has elsewhere is there. */
static void test_untold_times_are_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(timed); i++) {
        CLEANUP_PROBE_READINGS struct probe_readings out = {0};
        char *root = world_make(timed[i].files);
        process_read_threads(root, 9, 3, &out);
        world_remove(root);
        const struct probe_reading *run = probe_readings_find(&out, 3, "process:vcpu_run_ns");
        const struct probe_reading *wait = probe_readings_find(&out, 3, "process:vcpu_wait_ns");
        assert_int_equal(probe_readings_find(&out, 3, "process:vcpu_sleeps")->value, 5);
        assert_int_equal(probe_readings_find(&out, 3, "process:emulator_preempted")->value, 2);
        assert_int_equal(run->missing == NULL, timed[i].is_told);
        assert_int_equal(wait->missing == NULL, timed[i].is_told);
        if (timed[i].is_told)
            assert_int_equal(run->value + wait->value, 730);
        else
            assert_non_null(strstr(run->missing, "CONFIG_SCHED_INFO"));
    }
}

/* Of a user's own process these work without any right; what is not to be had says so. */
static void look_as_nobody(void)
{
    static const char *const there[] = {"process:user_ns", "process:emulator_run_ns",
                                        "process:disk_read_bytes"};
    const struct probe_target target = {.pid = getpid(), .is_virtual = true, .is_kvm = true};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    struct probing *probing = probing_open(&target, 1, NULL);
    probing_begin(probing);
    probing_end(probing, &out);
    probing_close(probing);
    for (size_t i = 0; i < COUNT_OF(there); i++) {
        const struct probe_reading *reading = probe_readings_find(&out, 0, there[i]);
        if (!reading || reading->missing) {
            fprintf(stderr, "%s: %s\n", there[i], reading ? reading->missing : "not there");
            _exit(1);
        }
    }
    if (!probe_readings_find(&out, -1, "host:cpu_total_ns"))
        _exit(2);
    for (size_t i = 0; probes[i]; i++) {
        const struct probe_reading *reading = probe_readings_find(&out, -1, probes[i]->name);
        if (!reading || (reading->missing && strlen(reading->missing) <= 10))
            _exit(3);
    }
    const struct probe_reading *exits = probe_readings_find(&out, -1, "exits");
    _exit(exits->missing && strstr(exits->missing, "root") ? 0 : 4);
}

/* After a change of user /proc gives a process to root, as one that might know secrets. */
static void test_without_root(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(77);
        prctl(PR_SET_DUMPABLE, 1);
        look_as_nobody();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("skipped: not permitted to be another user\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* As VirtualBox 7.2 prints them. */
static void test_times_of_virtualbox(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
        "<Statistics>\n"
        "<U64 val=\"1228\" unit=\"ns\" name=\"/TM/CPU/00/cNsExecuting\"/>\n"
        "<U64 val=\"7\" unit=\"ns\" name=\"/TM/CPU/00/cNsHalted\"/>\n"
        "<U64 val=\"151\" unit=\"ns\" name=\"/TM/CPU/00/cNsOther\"/>\n"
        "<U64 val=\"44\" unit=\"count\" name=\"/TM/CPU/00/cPeriodsExecuting\"/>\n"
        "<U64 val=\"2\" unit=\"count\" name=\"/TM/CPU/00/cPeriodsHalted\"/>\n"
        "<U8 val=\"23\" unit=\"%\" name=\"/TM/CPU/pctExecuting\"/>\n"
        "<X64 val=\"0xff\" unit=\"\" name=\"/IEM/CPU0/x\"/>\n"
        "<U64 val=\"1000\" unit=\"ns\" name=\"/TM/CPU/01/cNsExecuting\"/>\n"
        "<U64 val=\"1\" unit=\"ns\" name=\"/TM/CPU/01/cNsHalted\"/>\n"
        "<U64 val=\"49\" unit=\"ns\" name=\"/TM/CPU/01/cNsOther\"/>\n"
        "<U64 val=\"6\" unit=\"count\" name=\"/TM/CPU/01/cPeriodsExecuting\"/>\n"
        "<U64 val=\"3\" unit=\"count\" name=\"/TM/CPU/01/cPeriodsHalted\"/>\n"
        "</Statistics>\n";
    struct vbox_times times = {0};
    assert_int_equal(vbox_times_parse(text, sizeof(text) - 1, &times), 0);
    assert_int_equal(times.cpus, 2);
    assert_int_equal(times.executing_ns, 2228);
    assert_int_equal(times.halted_ns, 8);
    assert_int_equal(times.other_ns, 200);
    assert_int_equal(times.entries, 50);
    assert_int_equal(times.halts, 5);
    size_t last = (size_t)(strstr(text, "</Stat") - text);
    for (size_t length = 0; length < last - 2; length++)
        if (vbox_times_parse(text, length, &times) == 0)
            assert_int_equal(times.cpus, 1);
    assert_int_equal(vbox_times_parse(TEXT("<Statistics>\n</Statistics>\n"), &times), -EBADMSG);
    assert_int_equal(
        vbox_times_parse(TEXT("<U64 val=\"x\" name=\"/TM/CPU/00/cNsHalted\"/>"), &times), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readings_subtract), cmocka_unit_test(test_missing_beginnings),
        cmocka_unit_test(test_ended_process),     cmocka_unit_test(test_absent_probes_have_reasons),
        cmocka_unit_test(test_probes_are_chosen), cmocka_unit_test(test_event_names),
        cmocka_unit_test(test_own_process),       cmocka_unit_test(test_disk_of_children),
        cmocka_unit_test(test_exit_reasons),      cmocka_unit_test(test_tracepoint_format),
        cmocka_unit_test(test_bpf_jumps),         cmocka_unit_test(test_guest_counts),
        cmocka_unit_test(test_pressure),          cmocka_unit_test(test_cgroup),
        cmocka_unit_test(test_process_texts),     cmocka_unit_test(test_untold_times_are_missing),
        cmocka_unit_test(test_without_root),      cmocka_unit_test(test_times_of_virtualbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
