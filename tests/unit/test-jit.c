/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What tells translation from execution: the translator's statistics as QEMU 7.2 prints them, where
 * generated code is, and samples of a thread, which is this one.
 */
#include "test.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "machine/procfs.h"
#include "probe/clock_samples.h"
#include "probe/jit.h"
#include "probe/probe.h"

#define TEXT(literal) (literal), sizeof(literal) - 1

static const char statistics[] = "Translation buffer state:\r\n"
                                 "gen code size       1097779/1073736704\r\n"
                                 "TB count            2037\r\n"
                                 "TB avg target size  13 max=299 bytes\r\n"
                                 "cross page TB count 4 (0%)\r\n\r\nStatistics:\r\n"
                                 "TB flush count      1\r\nTB invalidate count 147\r\n"
                                 "TLB full flushes    0\r\n";

static void test_statistics(void **state)
{
    (void)state;
    struct jit_statistics found = {0};
    assert_int_equal(jit_parse_statistics(TEXT(statistics), &found), 0);
    assert_int_equal(found.code_bytes, 1097779);
    assert_int_equal(found.blocks, 2037);
    assert_int_equal(found.flushes, 1);
    assert_int_equal(found.invalidations, 147);
    size_t least = (size_t)(strstr(statistics, "147") - statistics) + 1;
    for (size_t length = 0; length < least; length++)
        assert_int_equal(jit_parse_statistics(statistics, length, &found), -EBADMSG);
    assert_int_equal(jit_parse_statistics(TEXT("gen code size 99999999999999999999/1\n"), &found),
                     -EBADMSG);
}

static void test_maps(void **state)
{
    (void)state;
    struct jit_range ranges[2];
    assert_int_equal(
        jit_parse_maps(TEXT("00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/qemu\n"
                            "7f10000000-7f10200000 rw-p 00000000 00:00 0 \n"
                            "7f20000000-7f60000000 rwxp 00000000 00:00 0 \n"
                            "7f70000000-7f70001000 --xs 00000000 00:00 0\n"
                            "7ffd000-7ffe000 r-xp 00000000 00:00 0                    [vdso]\n"
                            "7f80000000-7f80001000 rwxp 00000000 00:00 01\n"
                            "7f90000000-7f80001000 rwxp 00000000 00:00 0\n"
                            "no-line rwxp\n7f90000000-7f90001000 r-xp 0 0 0"),
                       ranges, COUNT_OF(ranges)),
        3);
    assert_int_equal(ranges[0].start, 0x7f20000000);
    assert_int_equal(ranges[0].end, 0x7f60000000);
    assert_int_equal(ranges[1].start, 0x7f70000000);
}

static size_t put(char *at, uint32_t type, uint16_t misc, const uint64_t *values, size_t count)
{
    struct perf_event_header header = {.type = type, .misc = misc};
    header.size = (uint16_t)(sizeof(header) + count * sizeof(*values));
    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), values, count * sizeof(*values));
    return header.size;
}

static void test_records(void **state)
{
    (void)state;
    const struct jit_range range = {0x1000, 0x2000};
    const uint64_t inside = 0x1000, outside = 0x2000, lost[] = {7, 40};
    char records[256];
    size_t length = put(records, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, &inside, 1);
    length += put(records + length, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, &outside, 1);
    length += put(records + length, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL, &inside, 1);
    length += put(records + length, PERF_RECORD_LOST, 0, lost, 2);
    length += put(records + length, PERF_RECORD_THROTTLE, 0, lost, 2);
    struct jit_samples sums = {0};
    assert_int_equal(jit_add_samples(records, length, &range, 1, &sums), length);
    assert_int_equal(sums.generated, 1);
    assert_int_equal(sums.qemu, 1);
    assert_int_equal(sums.kernel, 1);
    assert_int_equal(sums.lost, 40);
    /* A record that is cut is none. */
    sums = (struct jit_samples){0};
    assert_int_equal(jit_add_samples(records, 23, &range, 1, &sums), 16);
    assert_int_equal(sums.generated + sums.qemu, 1);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
/* mov ecx, 10000000; 1: dec ecx; jnz 1b; ret */
static const unsigned char loop[] = {0xb9, 0x80, 0x96, 0x98, 0x00, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
#elif defined(__aarch64__)
/* mov w0, #0x980000; 1: subs w0, w0, #1; b.ne 1b; ret */
static const unsigned char loop[] = {0x00, 0x13, 0xa0, 0x52, 0x00, 0x04, 0x00, 0x71,
                                     0xe1, 0xff, 0xff, 0x54, 0xc0, 0x03, 0x5f, 0xd6};
#else
static const unsigned char loop[] = {0};
#endif

static size_t find_generated(struct jit_range *ranges, size_t room)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    assert_int_equal(file_read("/proc/self/maps", (size_t)1 << 20, &text, &length, NULL), 0);
    return jit_parse_maps(text, length, ranges, room);
}

/* A second of CPU time in code that this process has generated, half of one in its own. */
static void test_own_thread(void **state)
{
    (void)state;
    struct clock_samples *samples = NULL;
    struct jit_range ranges[64];
    struct jit_samples sums = {0}, none = {0};
    struct error err = {0};
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc = clock_samples_open(gettid(), &samples, &err);
    if (code == MAP_FAILED || sizeof(loop) == 1 || rc < 0) {
        printf("skipped: %s\n", rc < 0 ? err.text : "no generated code here");
        clock_samples_close(samples);
        skip();
    }
    memcpy(code, loop, sizeof(loop));
    __builtin___clear_cache(code, (char *)code + sizeof(loop));
    size_t count = find_generated(ranges, COUNT_OF(ranges));
    assert_true(count > 0 && count < COUNT_OF(ranges));
    clock_samples_take(samples, ranges, count, &none);
    void (*run)(void) = (void (*)(void))code;
    for (uint64_t end = cpu_ns() + NS_PER_S; cpu_ns() < end;)
        run();
    volatile uint64_t own = 0;
    for (uint64_t end = cpu_ns() + NS_PER_S / 2; cpu_ns() < end;)
        for (unsigned i = 0; i < 10000000; i++)
            own = own + i;
    clock_samples_take(samples, ranges, count, &sums);
    clock_samples_take(samples, ranges, count, &none);
    clock_samples_close(samples);
    munmap(code, 4096);
    print_message("%d generated, %d own, %d kernel\n", (int)sums.generated, (int)sums.qemu,
                  (int)sums.kernel);
    assert_int_equal(sums.lost, 0);
    assert_true(sums.generated > 50 && sums.qemu > 25);
    assert_true(sums.generated > sums.qemu);
    assert_true(none.generated + none.qemu < 20);
}

/* A process whose only thread is called as a virtual CPU is, in generated code all the time. */
static pid_t start_emulation(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED || sizeof(loop) == 1)
        _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(code, loop, sizeof(loop));
    __builtin___clear_cache(code, (char *)code + sizeof(loop));
    prctl(PR_SET_NAME, "CPU 0/TCG");
    for (;;)
        ((void (*)(void))code)();
}

static uint64_t ran_ns(pid_t pid)
{
    uint64_t run_ns = 0, wait_ns = 0;
    CLEANUP_FREE char *path = mem_printf("/proc/%d/schedstat", (int)pid);
    CLEANUP_FREE char *text = NULL;
    if (file_read(path, 256, &text, NULL, NULL) < 0 ||
        procfs_parse_schedstat(text, &run_ns, &wait_ns) < 0)
        return 0;
    return run_ns;
}

static bool is_called(pid_t pid, const char *name)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/comm", (int)pid);
    CLEANUP_FREE char *text = NULL;
    return file_read(path, 64, &text, NULL, NULL) >= 0 && strcmp(text, name) == 0;
}

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void test_probe(void **state)
{
    (void)state;
    struct probe_target target = {.pid = start_emulation(), .is_emulated = true};
    const struct option_texts wanted = {(char *[]){(char[]){"translation"}}, 1};
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    while (!is_called(target.pid, "CPU 0/TCG\n") && waitpid(target.pid, NULL, WNOHANG) == 0)
        wait_a_little();
    struct probing *probing = probing_open(&target, 1, &wanted);
    probing_begin(probing);
    for (uint64_t begin_ns = ran_ns(target.pid);
         begin_ns > 0 && ran_ns(target.pid) < begin_ns + NS_PER_S / 2;)
        wait_a_little();
    probing_end(probing, &out);
    probing_close(probing);
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, 0);
    const struct probe_reading *probe = probe_readings_find(&out, -1, "translation");
    if (probe->missing) {
        printf("skipped: %s\n", probe->missing);
        skip();
    }
    const struct probe_reading *generated =
        probe_readings_find(&out, 0, "translation:generated_ns");
    assert_non_null(generated);
    assert_null(generated->missing);
    assert_true(generated->value > NS_PER_S / 4);
    assert_true(probe_readings_find(&out, 0, "translation:qemu_ns")->value < NS_PER_S / 8);
    assert_int_equal(probe_readings_find(&out, 0, "translation:lost")->value, 0);
    assert_non_null(probe_readings_find(&out, 0, "translation:instructions")->missing);
}

/* What QEMU's monitor says of its version comes first. */
static void test_uncounted_has_the_true_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"7.2.22Debian 1:7.2+dfsg-7\r\nTB count 5\n", "QEMU 7.2 has no plugin interface"},
        {"11.0.91\r\n",
         "QEMU 11.0 has no plugin interface for a counter of vtax's: that takes 11.1"},
        {"11.1.0\r\n", "QEMU 11.1 could load a plugin that counts, which would slow down"},
        {"12.0.0\r\n", "QEMU 12.0 could load a plugin"},
        {"TB count 5\n", "does not tell its version"},
        {"", "does not tell its version"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char why[160];
        assert_non_null(
            strstr(jit_explain_uncounted(cases[i].text, strlen(cases[i].text), why, sizeof(why)),
                   cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics), cmocka_unit_test(test_maps),
        cmocka_unit_test(test_records),    cmocka_unit_test(test_own_thread),
        cmocka_unit_test(test_probe),      cmocka_unit_test(test_uncounted_has_the_true_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
