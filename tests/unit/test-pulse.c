/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "workload/pulse.h"

static void test_parse(void **state)
{
    (void)state;
    struct pulse_reading reading;
    assert_true(pulse_parse("1000123456 3 0.42  100 20 30 400 5 6 7 8 0 0", &reading));
    assert_int_equal(reading.elapsed_ns, 1000123456);
    assert_int_equal(reading.runnable, 3);
    assert_near(reading.load, 0.42, 1e-12);
    assert_int_equal(reading.busy, 100 + 20 + 30 + 6 + 7);
    assert_int_equal(reading.system, 30 + 6 + 7);
    assert_int_equal(reading.idle, 405);
    assert_int_equal(reading.steal, 8);
    assert_false(pulse_parse("", &reading));
    assert_false(pulse_parse("1 2 0.1 1 2 3 4 5 6 7", &reading)); /* cut off */
    assert_false(pulse_parse("x", &reading));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};
    return cmocka_run_group_tests_name("pulse", tests, NULL, NULL);
}
