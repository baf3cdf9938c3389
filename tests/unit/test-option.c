/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/option.h"
#include "base/words.h"

struct sample {
    bool flag;
    char *text;
    unsigned word;
    uint64_t count;
    double number;
    double share;
    uint64_t size;
    uint64_t duration;
    struct option_texts texts;
    struct option_counts counts;
    struct option_counts sizes;
    struct option_counts cpus;
    struct option_texts whole;
};

static const char *const modes[] = {"stream", "rr", "crr", NULL};

#define AT(field) .offset = offsetof(struct sample, field)
static const struct option options[] = {
    {"flag", 'f', OPTION_FLAG, AT(flag), .fallback = "true"},
    {"text", 't', OPTION_TEXT, AT(text)},
    {"word", 0, OPTION_WORD, AT(word), .words = modes, .fallback = "rr"},
    {"max-blocks", 0, OPTION_COUNT, AT(count), .fallback = "3", .min = 1, .max = 1000},
    {"number", 0, OPTION_NUMBER, AT(number), .min = 1},
    {"share", 0, OPTION_SHARE, AT(share)},
    {"size", 0, OPTION_SIZE, AT(size), .min = 64 << 20, .max = 0x1p40},
    {"duration", 0, OPTION_DURATION, AT(duration)},
    {"texts", 0, OPTION_TEXTS, AT(texts), .fallback = "a,b"},
    {"counts", 0, OPTION_COUNTS, AT(counts), .min = 1, .max = 64},
    {"sizes", 0, OPTION_SIZES, AT(sizes)},
    {"cpus", 0, OPTION_CPUS, AT(cpus)},
    {"whole", 0, OPTION_TEXTS, AT(whole), .whole = true},
};
static const struct option_table table = {options, COUNT_OF(options), sizeof(struct sample)};

/* What a text becomes in canonical form, or the error. */
static const struct {
    const char *name, *text, *canonical, *error;
} rows[] = {
    {"flag", "false", "false"},
    {"flag", "yes", .error = "flag 'yes' is not true or false"},
    {"text", "a b", "a b"},
    {"text", "", .error = "text '' is empty"},
    {"text", "a\nb", .error = "text 'a b' has a control character"},
    {"text", "a\xc2\x85", .error = "text 'a\xc2\x85' has a control character"},
    {"text", "\xe2\x80\xa8", .error = "text '\xe2\x80\xa8' has a control character"},
    {"text", "\xc2\xa0\xe2\x82\xac", "\xc2\xa0\xe2\x82\xac"},
    {"text", "\xff", .error = "text '' is not valid UTF-8"},
    {"word", "crr", "crr"},
    {"word", "strem",
     .error = "unknown word 'strem' (did you mean 'stream'? known: stream, rr, crr)"},
    {"max-blocks", "1000", "1000"},
    {"max-blocks", "0", .error = "max-blocks '0' is too small: at least 1"},
    {"max-blocks", "1001", .error = "max-blocks '1001' is too large: at most 1000"},
    {"max-blocks", "-3", .error = "max-blocks '-3' is negative or not a whole number"},
    {"max-blocks", "many", .error = "max-blocks 'many' is not a whole number, such as 42"},
    {"max-blocks", "99999999999999999999",
     .error = "max-blocks '99999999999999999999' is too large"},
    {"number", "1.10", "1.1"},
    {"number", "1e300", "1e+300"},
    {"number", "0", .error = "number '0' is too small: at least 1"},
    {"number", "0.5", .error = "number '0.5' is too small: at least 1"},
    {"share", "5%", "0.05"},
    {"share", "105%", .error = "share '105%' is not between 0 and 1"},
    {"size", "1.5GiB", "1536MiB"},
    {"size", "512", .error = "size '512' has no unit (B, KiB, MiB, GiB, TiB): 512MiB, say"},
    {"size", "1MiB", .error = "size '1MiB' is too small: at least 64MiB"},
    {"size", "2TiB", .error = "size '2TiB' is too large: at most 1TiB"},
    {"duration", "1h30min", "90min"},
    {"duration", "90", .error = "duration '90' has no unit (ns, us, ms, s, min, h): 90s, say"},
    {"duration", "soon", .error = "duration 'soon' is not a duration, such as 90s"},
    {"texts", "x, y ,z", "x,y,z"},
    {"texts", "x,,z", .error = "texts '' is empty: a,b, say"},
    {"texts", "x,x", .error = "texts 'x' is in the list twice"},
    {"counts", "1,2,4", "1,2,4"},
    {"counts", "1..3,8", "1,2,3,8"},
    {"counts", "0..3", .error = "counts '0' is too small: at least 1"},
    {"counts", "1..65", .error = "counts '65' is too large: at most 64"},
    {"counts", "3..1", .error = "counts '3..1' runs backwards"},
    {"counts", "2,1..3", .error = "counts '1..3' gives a value twice"},
    {"counts", "1..", .error = "counts '' is not a list of whole numbers, such as 1,2,4 or 1..10"},
    {"sizes", "1GiB,512MiB", "1GiB,512MiB"},
    {"cpus", "0-3,6", "0-3,6"},
    {"cpus", "1,0,2,3", "1,0,2-3"},
    {"cpus", "0-1000000000000", .error = "cpus '0-1000000000000' has more than 1024 items"},
    {"cpus", "9000", .error = "cpus '9000' is too large: at most 8191"},
    {"whole", "dd.cpus=1,2", "dd.cpus=1,2"},
};

static void test_parse_and_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sample sample;
        option_table_init(&table, &sample);
        const struct option *option = option_find(&table, rows[i].name, strlen(rows[i].name));
        assert_non_null(option);
        CLEANUP_FREE char *before = option_table_format(&table, &sample);
        struct error err = {0};
        print_message("%s '%s'\n", rows[i].name, rows[i].text);
        int rc = option_parse(option, &sample, rows[i].text, &err);
        if (rows[i].error) {
            assert_true(rc < 0);
            assert_int_equal(err.kind, ERROR_USAGE);
            assert_string_equal(err.text, rows[i].error);
            CLEANUP_FREE char *after = option_table_format(&table, &sample);
            assert_string_equal(after, before);
        } else {
            assert_int_equal(rc, 0);
            CLEANUP_FREE char *text = option_format(option, &sample);
            assert_string_equal(text, rows[i].canonical);
            assert_int_equal(option_parse(option, &sample, text, &err), 0);
            CLEANUP_FREE char *again = option_format(option, &sample);
            assert_string_equal(again, text);
        }
        option_table_done(&table, &sample);
    }
}

static void test_defaults_and_clone(void **state)
{
    (void)state;
    struct sample sample;
    option_table_init(&table, &sample);
    assert_true(sample.flag);
    assert_int_equal(sample.count, 3);
    assert_int_equal(sample.word, 1);
    assert_null(sample.text);
    assert_int_equal(option_parse(option_find(&table, "text", 4), &sample, "a \"b\"", NULL), 0);
    struct sample *copy = option_table_clone(&table, &sample);
    option_table_done(&table, &sample);
    CLEANUP_FREE char *text = option_table_format(&table, copy);
    assert_string_equal(text, "flag=true text=\"a \\\"b\\\"\" word=rr max-blocks=3 share=0 "
                              "duration=0s texts=a,b");
    option_table_done(&table, copy);
    free(copy);
}

static void test_append(void **state)
{
    (void)state;
    struct sample sample;
    option_table_init(&table, &sample);
    const struct option *counts = option_find(&table, "counts", 6);
    assert_int_equal(option_append(counts, &sample, "1,2", NULL), 0);
    assert_int_equal(option_append(counts, &sample, "4", NULL), 0);
    struct error err = {0};
    assert_true(option_append(counts, &sample, "8,2", &err) < 0);
    CLEANUP_FREE char *text = option_format(counts, &sample);
    assert_string_equal(text, "1,2,4");
    option_table_done(&table, &sample);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(option_find(&table, "max_blocks", 10), &options[3]);
    assert_ptr_equal(option_find(&table, "max-blocks=9", 10), &options[3]);
    assert_null(option_find(&table, "max", 3));
    assert_null(option_find(&table, "max-blocks2", 11));
    assert_ptr_equal(option_find_letter(&table, 't'), &options[1]);
    assert_null(option_find_letter(&table, 0));
    assert_true(option_is_list(&options[11]));
    assert_false(option_is_list(&options[3]));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"native", "qemu-tcg", "kvm", "xen-hvm", "dd", NULL};
    assert_string_equal(words_find_nearest(known, "qemu_tgc"), "qemu-tcg");
    assert_string_equal(words_find_nearest(known, "KVM"), "kvm");
    assert_string_equal(words_find_nearest(known, "nativ"), "native");
    assert_null(words_find_nearest(known, "virtualbox"));
    assert_null(words_find_nearest(known, "x"));
    assert_null(words_find_nearest(known, ""));
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"plain", 5},
        {"\xc3\xa9", 2},
        {"a\xf0\x9f\x98\x80", 5},
        {"ab\xff", 2},
        {"\xc0\x80", 0},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"a\xe2\x82", 1},
        {"\xf4\x90\x80\x80", 0},
        {"\xf0\x80\x80\x80", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(words_check_utf8(cases[i].text, strlen(cases[i].text)), cases[i].valid);
    assert_int_equal(words_check_utf8("a\0b", 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_format), cmocka_unit_test(test_defaults_and_clone),
        cmocka_unit_test(test_append),           cmocka_unit_test(test_find),
        cmocka_unit_test(test_nearest),          cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
