/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "probe/counter_check.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
