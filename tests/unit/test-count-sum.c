/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "probe/count_sum.h"

#define MS NS_PER_MS

static const struct vcpu_count at_begin = {1000, 100 * MS, 100 * MS};

/* Two readings of one counter of a guest, and what is said of the second. */
static const struct {
    const char *what;
    struct vcpu_count begin, end;
    uint64_t ran_ns;
    uint64_t value;    /* since it was opened */
    const char *doubt; /* NULL: none */
} cases[] = {
    {"it counts", {1000, 100 * MS, 100 * MS}, {5000, 200 * MS, 200 * MS}, 100 * MS, 5000, NULL},
    {"half of the time it had the hardware",
     {1000, 100 * MS, 100 * MS},
     {3000, 200 * MS, 150 * MS},
     100 * MS,
     5000,
     NULL},
    {"never had it", {0, 0, 0}, {0, 100 * MS, 0}, 0, 0, "starved: for 100 % of the time"},
    {"had it before only",
     {1000, 100 * MS, 100 * MS},
     {1000, 200 * MS, 100 * MS},
     0,
     0,
     "starved: for 100 % of the time"},
    {"nobody asked for it", {1000, 100 * MS, 100 * MS}, {1000, 100 * MS, 100 * MS}, 0, 1000, NULL},
    {"it stood still beside a guest that ran",
     {0, 100 * MS, 100 * MS},
     {0, 200 * MS, 200 * MS},
     70 * MS,
     0,
     "stood still while virtual CPUs ran for 70 ms in guest mode"},
    {"the guest slept", {1000, 100 * MS, 100 * MS}, {1000, 200 * MS, 200 * MS}, 0, 1000, NULL},
};

static void test_what_is_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct count_track track = {0};
        struct count_sum first = {0}, sum = {0};
        char text[160];
        print_message("%s\n", cases[i].what);
        count_sum_add(&first, &track, &cases[i].begin);
        assert_null(count_sum_doubt(&first, 0, text, sizeof(text)));
        count_sum_add(&sum, &track, &cases[i].end);
        const char *doubt = count_sum_doubt(&sum, cases[i].ran_ns, text, sizeof(text));
        assert_int_equal(doubt == NULL, cases[i].doubt == NULL);
        if (doubt)
            assert_non_null(strstr(doubt, cases[i].doubt));
        else
            assert_int_equal(sum.value, cases[i].value);
    }
}

/* At the beginning a counter may not have run yet: its first reading says nothing against it. */
static void test_first_reading_is_no_doubt(void **state)
{
    (void)state;
    struct count_track track = {0};
    struct count_sum sum = {0};
    char text[160];
    count_sum_add(&sum, &track, &(struct vcpu_count){0, 100 * MS, 0});
    assert_null(count_sum_doubt(&sum, 0, text, sizeof(text)));
}

/* One thread among many that hardly ran spoils nothing; one that ran for a tenth of the time does.
 */
static void test_little_starvation_is_borne(void **state)
{
    (void)state;
    char text[160];
    const uint64_t idle_ns[] = {MS / 10, 10 * MS};
    for (size_t i = 0; i < COUNT_OF(idle_ns); i++) {
        struct count_track busy = {0}, idle = {0};
        struct count_sum first = {0}, sum = {0};
        count_sum_add(&first, &busy, &at_begin);
        count_sum_add(&first, &idle, &(struct vcpu_count){0});
        count_sum_add(&sum, &busy, &(struct vcpu_count){9000, 190 * MS, 190 * MS});
        count_sum_add(&sum, &idle, &(struct vcpu_count){0, idle_ns[i], 0});
        const char *doubt = count_sum_doubt(&sum, 90 * MS, text, sizeof(text));
        assert_int_equal(doubt != NULL, i == 1);
        if (doubt)
            assert_non_null(strstr(doubt, "starved: for 10 % of the time"));
    }
}

/* What is in doubt is missing and never 0; how long it had the hardware is told all the same. */
static void test_doubt_is_missing(void **state)
{
    (void)state;
    CLEANUP_PROBE_READINGS struct probe_readings out = {0};
    const struct count_sum sum = {.value = 7, .enabled_ns = 100, .running_ns = 62};
    count_sum_say(&sum, NULL, 2, "counters:guest_cycles", &out);
    count_sum_say(&sum, "because", 3, "counters:guest_cycles", &out);
    assert_int_equal(probe_readings_find(&out, 2, "counters:guest_cycles")->value, 7);
    assert_string_equal(probe_readings_find(&out, 3, "counters:guest_cycles")->missing, "because");
    for (int machine = 2; machine <= 3; machine++) {
        assert_int_equal(
            probe_readings_find(&out, machine, "counters:guest_cycles:enabled_ns")->value, 100);
        assert_int_equal(
            probe_readings_find(&out, machine, "counters:guest_cycles:running_ns")->value, 62);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_believed),
        cmocka_unit_test(test_first_reading_is_no_doubt),
        cmocka_unit_test(test_little_starvation_is_borne),
        cmocka_unit_test(test_doubt_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
