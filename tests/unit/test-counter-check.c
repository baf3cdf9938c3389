/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/counter_check.h"
#include "probe/host.h"
#include "syscall-wrap.h"

#define CANNOT 77

/* As with kernel.perf_event_paranoid = 3: for root alone. */
static bool is_paranoid;

static bool answer_syscall(long number, const long values[SYSCALL_VALUES], long *out_result)
{
    (void)values;
    if (number != SYS_perf_event_open || !is_paranoid || geteuid() == 0)
        return false;
    errno = EACCES;
    *out_result = -1;
    return true;
}

static const struct {
    struct counter_sample sample;
    enum counter_verdict verdict;
    const char *says; /* among other words; NULL: not looked at */
} cases[] = {
    {{"instructions", 0, 40000000, 40000123, 100, 100}, COUNTER_GOOD},
    {{"instructions", 0, 40000000, 0, 100, 100}, COUNTER_STANDS},
    {{"instructions", 0, 40000000, 20000000, 100, 100}, COUNTER_WRONG},
    {{"instructions", 0, 40000000, 41000000, 100, 100}, COUNTER_WRONG},
    {{"instructions", 0, 40000000, 20100000, 100, 50}, COUNTER_MULTIPLEXED},
    {{"instructions", 0, 40000000, 5000000, 100, 50}, COUNTER_WRONG},
    {{"instructions", 0, 40000000, 0, 100, 0}, COUNTER_STARVED},
    {{"instructions", -ENOENT, 40000000, 0, 0, 0}, COUNTER_ABSENT, "no virtual PMU"},
    {{"instructions", -EACCES, 40000000, 0, 0, 0}, COUNTER_ABSENT, "perf_event_paranoid below 3"},
    {{"instructions", -EPERM, 40000000, 0, 0, 0}, COUNTER_ABSENT, "perf_event_paranoid below 3"},
    {{"instructions", -EMFILE, 40000000, 0, 0, 0}, COUNTER_ABSENT, "Too many open files"},
    {{"instructions", -EBUSY, 40000000, 0, 0, 0}, COUNTER_ABSENT, "Device or resource busy"},
    {{"cycles", 0, 0, 5, 100, 100}, COUNTER_GOOD},
    {{"cycles", 0, 0, 0, 100, 100}, COUNTER_STANDS},
    {{"branch-misses", 0, 0, 0, 100, 100}, COUNTER_GOOD},
};

static void test_judge(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[160] = "";
        enum counter_verdict verdict = counter_judge(&cases[i].sample, text, sizeof(text));
        if (verdict != cases[i].verdict)
            fail_msg("case %zu: %d, expected %d: %s", i, verdict, cases[i].verdict, text);
        assert_true(strlen(text) > 10);
        if (cases[i].says)
            assert_non_null(strstr(text, cases[i].says));
    }
}

/* What is here is right, or said to be not there: nothing in between. */
static void test_here(void **state)
{
    (void)state;
    struct counter_sample samples[COUNTER_EVENTS];
    struct error err = {0};
    counter_check_run(samples);
    int rc = counter_check_trust(&err);
    assert_true(rc == 0 || strlen(err.text) > 10);
    if (samples[0].refused)
        assert_true(rc < 0);
}

/* A counter that there is counts right, one that is not to be had says why; what the check had of
 * its CPU, and what the host took, is known in any case. */
static int check_as_nobody(void)
{
    struct counter_sample samples[COUNTER_EVENTS];
    struct host_cpu cpu;
    struct error err = {0};
    char text[160] = "";
    counter_check_run(samples);
    for (size_t i = 0; i < COUNTER_EVENTS; i++) {
        enum counter_verdict verdict = counter_judge(&samples[i], text, sizeof(text));
        if (samples[i].refused && (verdict != COUNTER_ABSENT || strlen(text) <= 10))
            return 1;
        if (is_paranoid && !strstr(text, "needs root, or kernel.perf_event_paranoid below 3"))
            return 2;
    }
    int rc = counter_check_trust(&err);
    if (samples[0].refused && (rc >= 0 || strncmp(err.text, "instructions: ", 14) != 0))
        return 3;
    return host_read_cpu("", &cpu, &err) < 0 || cpu.total == 0 ? 4 : 0;
}

static void test_without_root(void **state)
{
    (void)state;
    for (int paranoid = 0; paranoid <= 1; paranoid++) {
        int status;
        is_paranoid = paranoid;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0 && geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(CANNOT);
        if (pid == 0)
            _exit(check_as_nobody());
        is_paranoid = false;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CANNOT) {
            printf("skipped: not permitted to be another user\n");
            skip();
        }
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_here),
        cmocka_unit_test(test_without_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
