/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "stats/series.h"

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const names[] = {"second", "pages", "cpu.busy", NULL};
    CLEANUP_SERIES struct series series = {0}, back = {0};
    series_init(&series, names);
    for (int i = 0; i < 100; i++)
        series_add(&series, (double[]){i, 1e9 + i, i % 2 ? NAN : -0.1 * i});
    series_add(&series, (double[]){100, INFINITY, 1.0 / 3});
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    series_format(&series, &text);
    assert_memory_equal(text.text, "second,pages,cpu.busy\n0,1000000000,-0\n1,1000000001,\n", 52);
    assert_int_equal(series_parse(text.text, text.length, &back), 0);
    assert_int_equal(back.rows, 101);
    int busy = series_find(&back, "cpu.busy");
    assert_int_equal(busy, 2);
    assert_true(isnan(series_value(&back, 1, busy)));
    assert_near(series_value(&back, 98, busy), -9.8, 1e-12);
    assert_true(isnan(series_value(&back, 100, 1)));
    assert_near(series_value(&back, 100, busy), 1.0 / 3, 1e-9);
    assert_int_equal(series_find(&back, "cpu"), -1);
    assert_true(isnan(series_value(&back, 0, -1)));
    assert_true(isnan(series_value(&back, 101, 0)));
}

static void test_what_is_no_table(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "\n",         "a,\n",       "a b\n",
                                        "a,b\n1\n", "a\n1,2\n",   "a\nx\n",     "a\nnan\n",
                                        "a\ninf\n", "a\n0x1p3\n", "\"a\"\n1\n", "a\n1e999\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct series series;
        assert_int_equal(series_parse(texts[i], strlen(texts[i]), &series), -EBADMSG);
    }
    struct series series;
    assert_int_equal(series_parse("a\n1\0002\n", 6, &series), -EBADMSG);
}

static void test_bounds(void **state)
{
    (void)state;
    char names[2 * SERIES_COLUMNS_MAX + 2] = "";
    for (int i = 0; i <= SERIES_COLUMNS_MAX; i++)
        strcat(names, i ? ",a" : "a");
    struct series series;
    assert_int_equal(series_parse(names, strlen(names), &series), -EBADMSG);
    names[strlen(names) - 2] = '\0';
    assert_int_equal(series_parse(names, strlen(names), &series), 0);
    assert_int_equal(series.columns, SERIES_COLUMNS_MAX);
    assert_int_equal(series.rows, 0);
    series_done(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_is_no_table),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
