/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "http/url.h"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *target, *authority;
        unsigned port;
        bool tls;
    } good[] = {
        {"http://a", "a", "/", "a", 80, false},
        {"HTTPS://a.b-c.d/", "a.b-c.d", "/", "a.b-c.d", 443, true},
        {"http://127.0.0.1:8080/x/y?z=1", "127.0.0.1", "/x/y?z=1", "127.0.0.1:8080", 8080, false},
        {"http://a?q", "a", "/?q", "a", 80, false},
        {"http://a:80/#frag", "a", "/", "a", 80, false},
        {"https://[::1]:8443/%20", "::1", "/%20", "[::1]:8443", 8443, true},
        {"http://[fe80::1]", "fe80::1", "/", "[fe80::1]", 80, false},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct url url;
        char authority[URL_AUTHORITY_BYTES];
        assert_int_equal(url_parse(good[i].text, strlen(good[i].text), &url, NULL), 0);
        assert_string_equal(url.host, good[i].host);
        assert_string_equal(url.target, good[i].target);
        assert_string_equal(url_format_authority(&url, authority), good[i].authority);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.tls, good[i].tls);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "a",          "ftp://a",    "http://",        "http:///x",
        "http://:80", "http://a:",  "http://a:0", "http://a:65536", "http://a:99999999999",
        "http://a:b", "http://u@a", "http://a b", "http://a/\n",    "http://[::1",
        "http://[x]", "http://[]",  "http://a]",  "http://[::1]80", "http://a%20b",
        "http://\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct url url;
        struct error err = {0};
        if (url_parse(bad[i], strlen(bad[i]), &url, &err) != -22)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    char text[5000] = "http://";
    struct url url;
    memset(text + 7, 'a', 300);
    assert_int_equal(url_parse(text, 7 + 255, &url, NULL), 0);
    assert_int_equal(strlen(url.host), 255);
    assert_int_equal(url_parse(text, 7 + 256, &url, NULL), -22);
    memcpy(text, "http://a/", 9);
    memset(text + 9, 'b', 4000);
    assert_int_equal(url_parse(text, 8 + 2047, &url, NULL), 0);
    assert_int_equal(strlen(url.target), 2047);
    assert_int_equal(url_parse(text, 8 + 2048, &url, NULL), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
