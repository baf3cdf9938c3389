/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/rng.h"
#include "stats/base64.h"
#include "stats/hdrlog.h"

/* Written by hdr-histogram-js 3: 10,000 times 1000 and once 100,000,000, 3 digits. */
static const char two_values[] =
    "HISTFAAAAC14nJNpmSzMwMDAycDAwMjAwMDMAAEgNsO1yUsYYPzz/AvmME7vYGICAHvaBqE=";
/* ... and i^2 for i = 0..499, 2 digits. */
static const char squares[] =
    "HISTFAAAAKx4nIWH2wqCQBRFj0sHERELERGTkJCIHnrooYd+rz/o//qWaLyNzgztdfblHF7vQoSPiAQiggwKdO5kUgAh"
    "MSk5BRUNR06cuXLjzoMnLR0dPT0XOkpKKipqahoaWjIy8pH9SKFJSWZS7YVM+4eaiVe2SWYrQg/KaNvK6AlxEjp7Sb/"
    "Xabbw"
    "95ZYPd4yhvXYuCX2ErOM9IXHmwkREe4zajOGGHNTxrCeQV9vPAzk";
/* The first line of the log that HdrHistogram's own tests read (jHiccup 2.0.7, public domain). */
static const char hiccup_log[] =
    "#[Histogram log format version 1.2]\n"
    "#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 08:24:39 PDT 2015]\n"
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
    "Tag=A,0.127,1.007,2.769,"
    "HISTFAAAAEV42pNpmSzMwMCgyAABTBDKT4GBgdnNYMcCBvsPEBEJISEuATEZMQ4uASkhIR4n"
    "rxg9v2lMaxhvMekILGZkKmcCAEf2CsI=\n";

static void test_reads_histograms_of_others(void **state)
{
    (void)state;
    CLEANUP_HDR struct hdr two = {0}, many = {0};
    assert_int_equal(hdrlog_decode(two_values, strlen(two_values), &two), 0);
    assert_int_equal(two.count, 10001);
    assert_int_equal(hdr_quantile(&two, 0.9999), 1000);
    assert_near(hdr_mean(&two), 10996.417158284172, 1e-8);
    assert_near(hdr_sd(&two), 999641.7158284171, 1e-6);

    assert_int_equal(hdrlog_decode(squares, strlen(squares), &many), 0);
    static const double shares[] = {0.1, 0.5, 0.9, 0.99, 0.999, 1};
    static const uint64_t expected[] = {2415, 62207, 201727, 244735, 249855, 249855};
    for (size_t i = 0; i < COUNT_OF(shares); i++)
        assert_int_equal(hdr_quantile(&many, shares[i]), expected[i]);
    assert_near(hdr_mean(&many), 83103.09, 1e-8);
    assert_near(hdr_sd(&many), 74401.679316168, 1e-8);
}

static void test_reads_log_of_others(void **state)
{
    (void)state;
    struct hdrlog_reader reader;
    hdrlog_reader_init(&reader, hiccup_log, strlen(hiccup_log));
    struct hdrlog_interval interval;
    assert_int_equal(hdrlog_next(&reader, &interval), 1);
    assert_string_equal(interval.tag, "A");
    assert_near(interval.start_s, 1441812279.474 + 0.127, 1e-6);
    assert_near(interval.length_s, 1.007, 1e-12);
    assert_int_equal(interval.hdr.count, 741);
    assert_int_equal(interval.hdr.unit_bits, 14);
    assert_int_equal((interval.hdr.max + 500) / 1000, 2769); /* as the line says, in us */
    hdr_done(&interval.hdr);
    assert_int_equal(hdrlog_next(&reader, &interval), 0);
}

static void fill(struct hdr *hdr, unsigned digits, uint64_t seed, int values)
{
    assert_int_equal(hdr_init(hdr, &(struct hdr_options){.digits = digits}), 0);
    struct rng rng;
    rng_init(&rng, seed, 0);
    for (int i = 0; i < values; i++)
        hdr_record_n(hdr, rng_next(&rng) >> (1 + rng_below(&rng, 63)),
                     1 + (rng_next(&rng) >> (24 + rng_below(&rng, 40))));
}

static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        CLEANUP_HDR struct hdr hdr = {0}, back = {0};
        CLEANUP_STRBUF struct strbuf buf, again;
        strbuf_init(&buf);
        strbuf_init(&again);
        fill(&hdr, 1 + i % 4, i, (int)(i * i));
        assert_int_equal(hdrlog_encode(&hdr, &buf), 0);
        assert_int_equal(hdrlog_decode(buf.text, buf.length, &back), 0);
        assert_int_equal(back.count, hdr.count);
        assert_int_equal(back.digits, hdr.digits);
        assert_memory_equal(back.counts, hdr.counts, hdr.size * sizeof(*hdr.counts));
        assert_int_equal(hdrlog_encode(&back, &again), 0);
        assert_string_equal(again.text, buf.text);
        if (hdr.count) {
            assert_true(back.max >= hdr.max && back.min <= hdr.min);
            assert_near(hdr_mean(&back), hdr_mean(&hdr), 0);
        }
    }
}

static void test_log_round_trip(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    hdrlog_format_header(&buf, 1700000000.25, "measured by vtax");
    for (unsigned i = 0; i < 3; i++) {
        struct hdrlog_interval interval = {.start_s = 1700000000.25 + i, .length_s = 1};
        strcpy(interval.tag, i == 1 ? "raw" : "");
        fill(&interval.hdr, 3, i, 10);
        assert_int_equal(hdrlog_format_interval(&buf, 1700000000.25, &interval), 0);
        hdr_done(&interval.hdr);
    }
    assert_non_null(strstr(buf.text,
                           "#[StartTime: 1700000000.250 (seconds since epoch), Tue Nov 14 "
                           "22:13:20 UTC 2023]\n"));
    struct hdrlog_reader reader;
    hdrlog_reader_init(&reader, buf.text, buf.length);
    for (unsigned i = 0; i < 3; i++) {
        struct hdrlog_interval interval;
        assert_int_equal(hdrlog_next(&reader, &interval), 1);
        assert_near(interval.start_s, 1700000000.25 + i, 1e-6);
        assert_string_equal(interval.tag, i == 1 ? "raw" : "");
        assert_true(interval.hdr.count > 0);
        hdr_done(&interval.hdr);
    }
    struct hdrlog_interval none;
    assert_int_equal(hdrlog_next(&reader, &none), 0);
    assert_int_equal(reader.line, 5 + 3);
}

static void test_what_the_format_cannot_hold(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    struct hdrlog_interval interval = {.tag = "a,b"};
    assert_int_equal(hdr_init(&interval.hdr, NULL), 0);
    assert_int_equal(hdrlog_format_interval(&buf, 0, &interval), -EINVAL);
    strcpy(interval.tag, "ab");
    hdr_record(&interval.hdr, UINT64_MAX);
    assert_int_equal(hdrlog_format_interval(&buf, 0, &interval), -ERANGE);
    assert_int_equal(buf.length, 0);
    hdr_done(&interval.hdr);
}

static void test_malformed(void **state)
{
    (void)state;
    struct hdr hdr;
    for (size_t i = 0; i + 1 < sizeof(squares); i++) /* every truncation */
        assert_int_equal(hdrlog_decode(squares, i, &hdr), -EBADMSG);
    for (size_t i = 0; i + 1 < sizeof(two_values); i++) { /* every damaged digit */
        char text[sizeof(two_values)];
        memcpy(text, two_values, sizeof(text));
        text[i] = text[i] == 'A' ? 'B' : 'A';
        struct hdr damaged = {0};
        int r = hdrlog_decode(text, strlen(text), &damaged);
        assert_true(r == 0 || r == -EBADMSG || r == -ENOTSUP);
        hdr_done(&damaged);
    }
    assert_int_equal(hdrlog_decode("HISTEgAAAAAA", 12, &hdr), -ENOTSUP); /* a V1 cookie */
    static const char *const lines[] = {"1,2\n",
                                        "1,2,3,\n",
                                        "x,2,3,HISTFAAA\n",
                                        "1,inf,3,HISTFAAA\n",
                                        "Tag=a b,1,2,3,HISTFAAA\n",
                                        "#[StartTime: now (seconds since epoch)]\n",
                                        "Tag=A\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct hdrlog_reader reader;
        struct hdrlog_interval interval;
        hdrlog_reader_init(&reader, lines[i], strlen(lines[i]));
        assert_int_equal(hdrlog_next(&reader, &interval), -EBADMSG);
        assert_int_equal(reader.line, 1);
        assert_int_equal(hdrlog_next(&reader, &interval), 0);
    }
}

/* RFC 4648, section 10 */
static void test_base64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_STRBUF struct strbuf buf;
        strbuf_init(&buf);
        unsigned char bytes[16] = {0};
        base64_encode(&buf, (const unsigned char *)rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buf.text, rows[i][1]);
        assert_int_equal(base64_decode(buf.text, buf.length, bytes), strlen(rows[i][0]));
        assert_string_equal((char *)bytes, rows[i][0]);
    }
    unsigned char bytes[16];
    assert_int_equal(base64_decode("Zg=", 3, bytes), -EBADMSG);
    assert_int_equal(base64_decode("Z===", 4, bytes), -EBADMSG);
    assert_int_equal(base64_decode("Zg==Zg==", 8, bytes), -EBADMSG);
    assert_int_equal(base64_decode("Z\n==", 4, bytes), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_histograms_of_others),
        cmocka_unit_test(test_reads_log_of_others),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_log_round_trip),
        cmocka_unit_test(test_what_the_format_cannot_hold),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests_name("hdrlog", tests, NULL, NULL);
}
