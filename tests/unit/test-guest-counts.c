/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The probe `guest`, with this Linux in place of the guest's: what would go through the control
 * channel is run here.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "probe/guest_counts.h"
#include "probe/probe.h"

#define HIDDEN "/proc/interrupts"
#define OUTPUT_MAX ((size_t)4 << 20)
#define CANNOT 77

int __wrap_channel_run(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                       struct channel_result *out_result, struct error *err);

/* What the control channel does next. */
static enum { RUNS, IS_GONE, HAS_NO_TAIL } guest;

static char *read_all(int fd, size_t *out_length)
{
    char *text = mem_zalloc(OUTPUT_MAX + 1);
    ssize_t got = pread(fd, text, OUTPUT_MAX, 0);
    *out_length = got > 0 ? (size_t)got : 0;
    return text;
}

int __wrap_channel_run(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                       struct channel_result *out_result, struct error *err)
{
    (void)channel;
    if (guest == IS_GONE)
        return error_set(err, ERROR_FAILED, -ETIMEDOUT, "it did not answer");
    const char *const no_tail[] = {"ls", "/there-is-no-tail", NULL};
    int out_fd = memfd_create("out", MFD_CLOEXEC), err_fd = memfd_create("err", MFD_CLOEXEC);
    size_t length;
    pid_t pid = process_start(&(struct process_options){.argv = guest == RUNS ? argv : no_tail,
                                                        .stdout_fd = out_fd,
                                                        .stderr_fd = err_fd},
                              err);
    if (pid < 0)
        return (int)pid;
    *out_result = (struct channel_result){.status = process_wait(pid, timeout_ns)};
    out_result->text = read_all(out_fd, &out_result->length);
    out_result->error_text = read_all(err_fd, &length);
    close(out_fd);
    close(err_fd);
    return 0;
}

/* The guest answers so as the probe begins, and so as it ends. */
static void look(int at_begin, int at_end, struct probe_readings *out)
{
    char nothing;
    const struct option_texts wanted = {(char *[]){(char[]){"guest"}}, 1};
    const struct probe_target target = {.is_virtual = true, .channel = (void *)&nothing};
    struct probing *probing = probing_open(&target, 1, &wanted);
    guest = at_begin;
    probing_begin(probing);
    guest = at_end;
    probing_end(probing, out);
    probing_close(probing);
    guest = RUNS;
}

static bool is_there(const struct probe_readings *readings, const char *name)
{
    const struct probe_reading *reading = probe_readings_find(readings, 0, name);
    if (!reading || reading->missing)
        fprintf(stderr, "%s: %s\n", name, reading ? reading->missing : "not there");
    return reading && !reading->missing;
}

/* Missing, with these words. */
static bool is_missing(const struct probe_readings *readings, const char *name, const char *words)
{
    const struct probe_reading *reading = probe_readings_find(readings, 0, name);
    bool says = reading && reading->missing && strstr(reading->missing, words);
    if (!says)
        fprintf(stderr, "%s: %s\n", name, reading ? reading->missing : "not there");
    return says;
}

static const char *const everybodys[] = {"guest:cpu_user_ns", "guest:cpu_steal_ns", "guest:ctxt",
                                         "guest:pgfault", "guest:net_lo_received_bytes"};

static int check_as_nobody(void)
{
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    look(RUNS, RUNS, &out);
    for (size_t i = 0; i < COUNT_OF(everybodys); i++)
        if (!is_there(&out, everybodys[i]))
            return 1;
    if (!is_missing(&out, "guest:irq", HIDDEN) ||
        !is_missing(&out, "guest:irq", "Permission denied"))
        return 2;
    for (size_t i = 0; i < out.count; i++)
        if (strncmp(out.items[i].name, "guest:irq_", strlen("guest:irq_")) == 0)
            return 3;
    return 0;
}

/* Only root may read the file from now on, which is another one for this process alone. */
static int hide(const char *path)
{
    char secret[] = "/tmp/vtax-test-secret.XXXXXX";
    int fd = mkostemp(secret, O_CLOEXEC);
    if (fd < 0)
        return -1;
    close(fd);
    int rc = unshare(CLONE_NEWNS);
    rc = rc < 0 ? rc : mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    rc = rc < 0 ? rc : mount(secret, path, NULL, MS_BIND, NULL);
    unlink(secret);
    return rc;
}

/* What is anybody's is there, and what is not says so. */
static void test_without_root(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool can = geteuid() == 0 && hide(HIDDEN) == 0 && setresuid(65534, 65534, 65534) == 0;
        _exit(can ? check_as_nobody() : CANNOT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT) {
        printf("skipped: not permitted to hide " HIDDEN " and to be another user\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whatever was counted before it answered is not of this trial. */
static void test_guest_that_did_not_answer_at_first(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    look(IS_GONE, RUNS, &out);
    for (size_t i = 0; i < COUNT_OF(everybodys); i++)
        assert_true(is_missing(&out, everybodys[i], "it did not answer"));
}

static void test_guest_that_does_not_answer_any_more(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    look(RUNS, IS_GONE, &out);
    assert_true(is_missing(&out, "guest", "it did not answer"));
    for (size_t i = 0; i < COUNT_OF(everybodys); i++)
        assert_true(is_missing(&out, everybodys[i], "it did not answer"));
}

static void test_guest_without_the_program(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    look(HAS_NO_TAIL, HAS_NO_TAIL, &out);
    assert_true(is_missing(&out, "guest", "'tail' ended with 2: "));
    assert_true(is_missing(&out, "guest", "/there-is-no-tail"));
}

struct counts {
    char text[4096];
};

static void note(const char *name, uint64_t value, void *context)
{
    struct counts *counts = context;
    size_t length = strlen(counts->text);
    snprintf(counts->text + length, sizeof(counts->text) - length, "%s=%llu\n", name,
             (unsigned long long)value);
}

/* A request counts once: not of the partition, nor of what lies on other disks, too. */
static void test_disks_without_their_parts(void **state)
{
    (void)state;
    static const char text[] = "==> /proc/diskstats <==\n"
                               " 253 0 vda 10 0 16 4 3 0 8 2 0 0 0\n"
                               " 253 1 vda1 9 0 15 4 3 0 8 2 0 0 0\n"
                               " 253 15 vda15 1 0 1 4 0 0 0 2 0 0 0\n"
                               " 253 16 vdb 0 0 0 0 0 0 0 0 0 0 0\n"
                               " 253 17 vdb1 1 0 1 0 0 0 0 0 0 0 0\n"
                               " 259 0 nvme0n1 5 0 8 4 0 0 0 0 0 0 0\n"
                               " 259 1 nvme0n1p1 5 0 8 4 0 0 0 0 0 0 0\n"
                               " 259 2 nvme0n12 7 0 8 4 0 0 0 0 0 0 0\n"
                               " 202 1 xvda1 6 0 8 4 0 0 0 0 0 0 0\n"
                               " 202 2 xvda2 6 0 8 4 0 0 0 0 0 0 0\n"
                               " 252 0 dm-0 9 0 15 4 3 0 8 2 0 0 0\n"
                               " 9 0 md0 9 0 15 4 3 0 8 2 0 0 0\n"
                               " 251 0 zram0 9 0 15 4 3 0 8 2 0 0 0\n";
    struct counts counts = {0};
    guest_counts_parse(text, sizeof(text) - 1, note, &counts);
    size_t disks = 0;
    for (const char *at = counts.text; (at = strstr(at, "_read_bytes=")); at++)
        disks++;
    assert_int_equal(disks, 5);
    assert_non_null(strstr(counts.text, "disk_vda_reads=10\n"));
    assert_non_null(strstr(counts.text, "disk_nvme0n1_reads=5\n"));
    assert_non_null(strstr(counts.text, "disk_nvme0n12_reads=7\n"));
    assert_non_null(strstr(counts.text, "disk_xvda1_reads=6\ndisk_xvda1_read_bytes"));
    assert_non_null(strstr(counts.text, "disk_xvda2_reads=6\n"));
}

static void test_interrupts_of_many_cpus(void **state)
{
    (void)state;
    char text[4096] = "==> /proc/interrupts <==\nLOC:";
    struct counts counts = {0};
    for (int cpu = 0; cpu < 300; cpu++)
        strcat(text, "   2");
    strcat(text, "   Local timer interrupts\n");
    guest_counts_parse(text, strlen(text), note, &counts);
    assert_non_null(strstr(counts.text, "irq_LOC=600\n"));
}

/* Of a file without a line nothing is 0. */
static void test_empty_files(void **state)
{
    (void)state;
    static const char text[] = "==> /proc/interrupts <==\n==> /proc/schedstat <==\nversion 15\n";
    struct counts counts = {0};
    guest_counts_parse(text, sizeof(text) - 1, note, &counts);
    assert_string_equal(counts.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_root),
        cmocka_unit_test(test_guest_that_did_not_answer_at_first),
        cmocka_unit_test(test_guest_that_does_not_answer_any_more),
        cmocka_unit_test(test_guest_without_the_program),
        cmocka_unit_test(test_disks_without_their_parts),
        cmocka_unit_test(test_interrupts_of_many_cpus),
        cmocka_unit_test(test_empty_files),
    };
    return cmocka_run_group_tests_name("guest-counts", tests, NULL, NULL);
}
