/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "http/cookie.h"

static void set(struct cookie_jar *jar, const char *field)
{
    cookie_jar_set(jar, field, strlen(field));
}

static void expect(const struct cookie_jar *jar, bool tls, const char *expected)
{
    char text[COOKIE_JAR_BYTES + 1];
    text[cookie_jar_format(jar, tls, text)] = '\0';
    assert_string_equal(text, expected);
}

static void test_life_of_a_jar(void **state)
{
    (void)state;
    struct cookie_jar jar;
    cookie_jar_clear(&jar);
    expect(&jar, false, "");
    set(&jar, "a=1");
    set(&jar, " bc = two ; Path=/x; HttpOnly");
    expect(&jar, false, "a=1; bc=two");
    set(&jar, "a=three");
    expect(&jar, false, "bc=two; a=three");
    set(&jar, "b=4; SECURE");
    expect(&jar, false, "bc=two; a=three");
    expect(&jar, true, "bc=two; a=three; b=4");
    set(&jar, "bc=; Max-Age=0");
    set(&jar, "a=x; expires=Thu, 01 Jan 1970 00:00:00 GMT");
    expect(&jar, true, "b=4");
    set(&jar, "b=5; Max-Age=-1");
    expect(&jar, true, "");
    set(&jar, "e=");
    set(&jar, "f=\"q=r\"; Max-Age=100; Expires=Wed, 01 Jan 2070 00:00:00 GMT");
    expect(&jar, false, "e=; f=\"q=r\"");
    assert_int_equal(jar.dropped, 0);
    cookie_jar_clear(&jar);
    expect(&jar, true, "");
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      ";",     "novalue", "=x",
                                      "a b=c", "a=b c", "a=\x01",  "a=b,c"};
    struct cookie_jar jar;
    cookie_jar_clear(&jar);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        set(&jar, bad[i]);
    assert_int_equal(jar.dropped, sizeof(bad) / sizeof(bad[0]));
    expect(&jar, true, "");
}

static void test_bounds(void **state)
{
    (void)state;
    struct cookie_jar jar;
    char text[400];
    cookie_jar_clear(&jar);
    memset(text, 'v', sizeof(text));
    memcpy(text, "a=", 2);
    cookie_jar_set(&jar, text, COOKIE_JAR_BYTES - 1);
    assert_int_equal(jar.dropped, 1);
    cookie_jar_set(&jar, text, COOKIE_JAR_BYTES - 2);
    assert_int_equal(jar.dropped, 1);
    assert_int_equal(jar.used, COOKIE_JAR_BYTES);
    set(&jar, "b=1");
    assert_int_equal(jar.dropped, 2);
    set(&jar, "a=1"); /* replaces the large one */
    set(&jar, "b=1");
    expect(&jar, false, "a=1; b=1");
    for (int i = 0; i < 300; i++)
        set(&jar, "?");
    assert_int_equal(jar.dropped, 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life_of_a_jar),
                                       cmocka_unit_test(test_malformed),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
