/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "workload/workload.h"

/* A store has one fact of a name for each trial, and refuses a second. */
static void test_facts_of_one_name(void **state)
{
    (void)state;
    struct workload_run run = {0};
    workload_add_fact(&run, "machine.starts", "machine %u: %u", 0, 2);
    workload_add_fact(&run, "shop.verdict", "passed");
    workload_add_fact(&run, "machine.starts", "machine %u: %u", 1, 3);
    workload_add_fact(&run, "machine.starts", "machine %u: %u", 2, 2);
    assert_int_equal(run.fact_count, 2);
    assert_string_equal(run.facts[0].name, "machine.starts");
    assert_string_equal(run.facts[0].value, "machine 0: 2; machine 1: 3; machine 2: 2");
    assert_string_equal(run.facts[1].value, "passed");
    workload_run_done(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts_of_one_name)};
    return cmocka_run_group_tests_name("workload", tests, NULL, NULL);
}
