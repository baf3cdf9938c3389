/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/units.h"

struct row {
    const char *text;
    int rc;
    uint64_t value;
};

static const struct row sizes[] = {
    {"512MiB", 0, 512u << 20},
    {"512M", 0, 512u << 20},
    {"1.5 GiB", 0, 1536u << 20},
    {"10MB", 0, 10000000},
    {"4096B", 0, 4096},
    {"0B", 0, 0},
    {"512", -EINVAL, 0},
    {"-1MiB", -EINVAL, 0},
    {"", -EINVAL, 0},
    {"MiB", -EINVAL, 0},
    {"1MiBs", -EINVAL, 0},
    {"1..5GiB", -EINVAL, 0},
    {"nanMiB", -EINVAL, 0},
    {"99999999999999999999B", -ERANGE, 0},
    {"16777216TiB", -ERANGE, 0},
    {"9999999.5TiB", -ERANGE, 0},
};

static const struct row durations[] = {
    {"90s", 0, 90 * NS_PER_S},
    {"1.5 h", 0, 5400 * NS_PER_S},
    {"2h30min", 0, 9000 * NS_PER_S},
    {"250ms", 0, 250 * NS_PER_MS},
    {"10us", 0, 10 * NS_PER_US},
    {"0s", 0, 0},
    {"90", -EINVAL, 0},
    {"-1s", -EINVAL, 0},
    {"1 fortnight", -EINVAL, 0},
    {"300y", -EINVAL, 0},
    {"2562048h", -ERANGE, 0},
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t value = 0;
        print_message("size '%s'\n", sizes[i].text);
        assert_int_equal(units_parse_size(sizes[i].text, &value), sizes[i].rc);
        assert_int_equal(value, sizes[i].value);
    }
}

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        uint64_t value = 0;
        print_message("duration '%s'\n", durations[i].text);
        assert_int_equal(units_parse_duration(durations[i].text, &value), durations[i].rc);
        assert_int_equal(value, durations[i].value);
    }
}

static void test_formats_parse_back(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 10000; i++) {
        uint64_t value = rng_next(&rng) >> (1 + rng_below(&rng, 63)), back;
        char text[UNITS_TEXT_MAX];
        assert_int_equal(units_parse_size(units_format_size(value, text), &back), 0);
        assert_int_equal(back, value);
        assert_int_equal(units_parse_duration(units_format_duration(value, text), &back), 0);
        assert_int_equal(back, value);
    }
    char text[UNITS_TEXT_MAX];
    assert_string_equal(units_format_size(UINT64_C(1536) << 20, text), "1536MiB");
    assert_string_equal(units_format_duration(90 * NS_PER_S, text), "90s");
    assert_string_equal(units_format_duration(0, text), "0s");
}

static void test_shares_and_numbers(void **state)
{
    (void)state;
    double value = -1;
    assert_int_equal(units_parse_share("5%", &value), 0);
    assert_near(value, 0.05, 1e-15);
    assert_int_equal(units_parse_share("1.5", &value), -ERANGE);
    assert_int_equal(units_parse_share("-0.1", &value), -ERANGE);
    assert_int_equal(units_parse_share("%", &value), -EINVAL);
    assert_int_equal(units_parse_number("1e400", &value), -ERANGE);
    assert_int_equal(units_parse_number("inf", &value), -EINVAL);
    assert_int_equal(units_parse_number("0x10", &value), -EINVAL);
    assert_int_equal(units_parse_number("-1.25", &value), 0);
    assert_near(value, -1.25, 0);
}

static void test_elapsed(void **state)
{
    (void)state;
    char text[UNITS_TEXT_MAX];
    assert_string_equal(units_format_elapsed(200 * NS_PER_S, text), "3 min 20 s");
    assert_string_equal(units_format_elapsed(4200 * NS_PER_MS, text), "4.2 s");
    assert_string_equal(units_format_elapsed(310 * NS_PER_MS, text), "310 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_formats_parse_back),
        cmocka_unit_test(test_shares_and_numbers),
        cmocka_unit_test(test_elapsed),
    };
    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
