/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "report/escape.h"

struct sample {
    const char *in;
    const char *out;
};

static void test_utf8_is_repaired(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain \u00e4\u20ac\U0001f600", "plain \u00e4\u20ac\U0001f600"},
        {"\xff\xfe", "\ufffd\ufffd"},
        {"a\xc3", "a\ufffd"},                             /* cut short */
        {"\xc0\xaf", "\ufffd\ufffd"},                     /* overlong '/' */
        {"\xe0\x80\xaf", "\ufffd\ufffd\ufffd"},           /* overlong */
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},           /* a surrogate */
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}, /* beyond U+10FFFF */
        {"\x80x", "\ufffdx"},
    };
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CLEANUP_FREE char *got = escape_utf8(samples[i].in);
        assert_string_equal(got, samples[i].out);
    }
    assert_null(escape_utf8(NULL));
}

static void test_terminal(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"\x1b[31mred\x07\r\n", "?[31mred???"},
        {"\xc2\x9b"
         "31m",
         "?31m"}, /* C1: CSI in one character */
        {"a\u202eb\u2066c\u200f", "a?b?c?"},
        {"\u00fc", "\u00fc"},
    };
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CLEANUP_STRBUF struct strbuf buf;
        strbuf_init(&buf);
        escape_terminal(&buf, samples[i].in, true);
        assert_string_equal(buf.text, samples[i].out);
    }
    CLEANUP_STRBUF struct strbuf ascii;
    strbuf_init(&ascii);
    escape_terminal(&ascii, "\u00fc\u2588x", false);
    assert_string_equal(ascii.text, "??x");
}

static void test_csv(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain", "plain"},
        {"", ""},
        {"a,b", "\"a,b\""},
        {"say \"x\"", "\"say \"\"x\"\"\""},
        {"two\r\nlines", "\"two\r\nlines\""},
        {"=cmd()", "\"'=cmd()\""},
        {"+1", "\"'+1\""},
        {"-1", "\"'-1\""},
        {"@x", "\"'@x\""},
        {" x", "\" x\""},
    };
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CLEANUP_STRBUF struct strbuf buf;
        strbuf_init(&buf);
        escape_csv(&buf, samples[i].in);
        assert_string_equal(buf.text, samples[i].out);
    }
}

static void test_html_and_script(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf html, script;
    strbuf_init(&html);
    strbuf_init(&script);
    escape_html(&html, "<b a=\"x\" c='y'>&\x1b\n\u202e");
    assert_string_equal(html.text, "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;\ufffd\n\ufffd");
    escape_script(&script, "{\"a\":\"</script><!--&\"}");
    assert_string_equal(script.text, "{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026\"}");
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(escape_columns("a\u00e4\u20ac"), 3);
    assert_int_equal(escape_columns(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_repaired),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_html_and_script),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
