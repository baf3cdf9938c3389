/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "http/response.h"

/* One connection's bytes, the end of file after them, and what must come of it: "field:value;" of
 * each field, "[body]", then "done" and what is left, or the failure. */
struct example {
    const char *name;
    const char *bytes;
    const char *trace;
    struct response_options options;
    unsigned status;
    bool keep_alive;
};

static const struct example examples[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a b \r\n\r\nhello",
     "Content-Length:5;X:a b;[hello]done", .status = 200, .keep_alive = true},
    {"bare line feeds", "HTTP/1.1 200\nContent-Length: 2\n\nok", "Content-Length:2;[ok]done",
     .status = 200, .keep_alive = true},
    {"empty body", "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "content-length:0;done",
     .status = 200, .keep_alive = true},
    {"same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
     "Content-Length:1;Content-Length:1;[x]done", .status = 200, .keep_alive = true},
    {"pipelined rest", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz",
     "Content-Length:1;[x]done+2", .status = 200, .keep_alive = true},
    {"chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n"
     "0\r\nTrailer: x\r\n\r\n",
     "Transfer-Encoding:chunked;[abc0123456789]done", .status = 200, .keep_alive = true},
    {"chunked beats length",
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Content-Length:9;Transfer-Encoding:chunked;done", .status = 200, .keep_alive = false},
    {"to the end", "HTTP/1.1 200 OK\r\n\r\nall of it", "[all of it]done", .status = 200,
     .keep_alive = false},
    {"another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz",
     "Transfer-Encoding:gzip;[zz]done", .status = 200, .keep_alive = false},
    {"close", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx",
     "Connection:x, Close;Content-Length:1;[x]done", .status = 200, .keep_alive = false},
    {"1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "Content-Length:1;[x]done",
     .status = 200, .keep_alive = false},
    {"1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
     "Connection:keep-alive;Content-Length:1;[x]done", .status = 200, .keep_alive = true},
    {"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
     "Content-Length:500;done", .status = 304, .keep_alive = true},
    {"no content", "HTTP/1.1 204 \r\n\r\n", "done", .status = 204, .keep_alive = true},
    {"head",
     "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
     "Content-Length:500;done",
     {.head = true},
     .status = 200,
     .keep_alive = true},
    {"interim",
     "HTTP/1.1 103 Early\r\nLink: </a>\r\nConnection: close\r\n\r\n"
     "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
     "Content-Length:0;done", .status = 404, .keep_alive = true},
    {"long field is cut",
     "HTTP/1.1 200 OK\r\nL: "
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
     HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "\r\nContent-Length: 0\r\n\r\n",
     "L:" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "012345678;Content-Length:0;done", .status = 200,
     .keep_alive = true},

    {"nothing", "", "early"},
    {"garbage", "GARBAGE\r\n\r\n", "malformed"},
    {"other version", "HTTP/2.0 200 OK\r\n\r\n", "malformed"},
    {"no status", "HTTP/1.1 OK\r\n\r\n", "malformed"},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "malformed"},
    {"status under 100", "HTTP/1.1 099 OK\r\n\r\n", "malformed"},
    {"switching", "HTTP/1.1 101 S\r\n\r\n", "malformed"},
    {"no colon", "HTTP/1.1 200 OK\r\nnothing here\r\n\r\n", "malformed"},
    {"blank before colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "malformed"},
    {"folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "A:b;malformed"},
    {"control character", "HTTP/1.1 200 OK\r\nA: b\001c\r\n\r\n", "malformed"},
    {"carriage return inside", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "malformed"},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     "Content-Length:1;malformed"},
    {"length list", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", "malformed"},
    {"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed"},
    {"length overflow", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
     "malformed"},
    {"chunked is not last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
     "malformed"},
    {"chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
     "Transfer-Encoding:chunked;malformed"},
    {"chunk size overflow",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
     "Transfer-Encoding:chunked;malformed"},
    {"chunk longer than said",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
     "Transfer-Encoding:chunked;[a]malformed"},
    {"early in head", "HTTP/1.1 200 OK\r\nContent-", "early"},
    {"early in body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
     "Content-Length:9;[abc]early"},
    {"early in chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
     "Transfer-Encoding:chunked;[abc]early"},
    {"head too large",
     "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n",
     "A:b;A:b;header",
     {.header_limit = 30}},
    {"endless line",
     "HTTP/1.1 200 OK\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     "header",
     {.header_limit = 30}},
    {"endless interim",
     "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
     "header",
     {.header_limit = 40}},
    {"announced body too large",
     "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
     "Content-Length:11;body",
     {.body_limit = 10}},
    {"endless body", "HTTP/1.1 200 OK\r\n\r\n0123456789a", "[0123456789]body", {.body_limit = 10}},
    {"endless chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\nabc\r\n",
     "Transfer-Encoding:chunked;[01234567]body",
     {.body_limit = 10}},
};

/* Feeds portions and writes down what comes. */
struct recorder {
    struct response_parser parser;
    struct strbuf trace;
    bool in_body;
    bool over;
};

static void end_body(struct recorder *recorder)
{
    if (recorder->in_body)
        strbuf_adds(&recorder->trace, "]");
    recorder->in_body = false;
}

static void write_end(struct recorder *recorder, size_t left)
{
    static const char *const words[] = {
        [RESPONSE_FINE] = "done",
        [RESPONSE_MALFORMED] = "malformed",
        [RESPONSE_HEADER_TOO_LARGE] = "header",
        [RESPONSE_BODY_TOO_LARGE] = "body",
        [RESPONSE_CLOSED_EARLY] = "early",
    };
    end_body(recorder);
    strbuf_adds(&recorder->trace, words[recorder->parser.failure]);
    if (left > 0 && recorder->parser.failure == RESPONSE_FINE)
        strbuf_addf(&recorder->trace, "+%zu", left);
    recorder->over = true;
}

/* later: bytes that follow this portion, for what is left behind the response. */
static void feed(struct recorder *recorder, const char *bytes, size_t length, size_t later)
{
    struct response_text name, value;
    /* In memory of its own, so that a read beyond the portion is caught. */
    CLEANUP_FREE char *portion = length ? mem_copy(bytes, length) : NULL;
    const char *at = portion;
    while (!recorder->over) {
        switch (response_next(&recorder->parser, &at, &length, &name, &value)) {
        case RESPONSE_MORE:
            assert_int_equal(length, 0);
            return;
        case RESPONSE_FIELD:
            strbuf_addf(&recorder->trace, "%.*s:%.*s;", (int)name.length, name.bytes,
                        (int)value.length, value.bytes);
            break;
        case RESPONSE_BODY:
            strbuf_adds(&recorder->trace, recorder->in_body ? "" : "[");
            recorder->in_body = true;
            strbuf_add(&recorder->trace, value.bytes, value.length);
            break;
        case RESPONSE_DONE:
        case RESPONSE_FAILED:
            write_end(recorder, length + later);
            break;
        }
    }
}

/* Cuts the bytes at the given offsets, ascending. */
static void check(const struct example *example, const size_t *cuts, size_t count)
{
    struct recorder recorder = {0};
    struct response_options options = example->options;
    options.wants_fields = true;
    strbuf_init(&recorder.trace);
    response_init(&recorder.parser, &options);
    size_t total = strlen(example->bytes), from = 0;
    for (size_t i = 0; i <= count && !recorder.over; i++) {
        size_t to = i < count ? cuts[i] : total;
        feed(&recorder, example->bytes + from, to - from, total - to);
        from = to;
    }
    if (!recorder.over) {
        enum response_event event = response_end(&recorder.parser);
        assert_true(event == RESPONSE_DONE || event == RESPONSE_FAILED);
        write_end(&recorder, 0);
    }
    if (strcmp(recorder.trace.text, example->trace) != 0)
        fail_msg("%s, %zu cuts, first at %zu: %s, expected %s", example->name, count,
                 count ? cuts[0] : 0, recorder.trace.text, example->trace);
    if (example->status) {
        assert_int_equal(recorder.parser.status, example->status);
        assert_int_equal(recorder.parser.keep_alive, example->keep_alive);
    }
    strbuf_done(&recorder.trace);
}

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++)
        check(&examples[i], NULL, 0);
}

static void test_cut_once_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++)
        for (size_t at = 0; at <= strlen(examples[i].bytes); at++)
            check(&examples[i], &at, 1);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        size_t cuts[2048], total = strlen(examples[i].bytes);
        for (size_t at = 0; at < total; at++)
            cuts[at] = at + 1;
        check(&examples[i], cuts, total);
    }
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void test_cut_at_random(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        for (int round = 0; round < 300; round++) {
            size_t cuts[8], count = rng_below(&rng, COUNT_OF(cuts) + 1);
            for (size_t k = 0; k < count; k++)
                cuts[k] = rng_below(&rng, strlen(examples[i].bytes) + 1);
            qsort(cuts, count, sizeof(cuts[0]), compare_sizes);
            check(&examples[i], cuts, count);
        }
    }
}

/* Damaged answers: whatever comes of them, it must not depend on the cuts. */
static void test_damage(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2, 0);
    for (int round = 0; round < 3000; round++) {
        const struct example *origin = &examples[rng_below(&rng, COUNT_OF(examples))];
        CLEANUP_FREE char *bytes = mem_strdup(origin->bytes);
        size_t total = strlen(bytes);
        for (int k = 0; k < 3 && total > 0; k++)
            bytes[rng_below(&rng, total)] = (char)(1 + rng_below(&rng, 255));
        struct example damaged = {.name = "damaged", .bytes = bytes, .options = origin->options};
        struct recorder recorder = {0};
        struct response_options options = origin->options;
        options.wants_fields = true;
        strbuf_init(&recorder.trace);
        response_init(&recorder.parser, &options);
        feed(&recorder, bytes, total, 0);
        if (!recorder.over) {
            assert_int_not_equal(response_end(&recorder.parser), RESPONSE_MORE);
            write_end(&recorder, 0);
        }
        damaged.trace = recorder.trace.text;
        size_t cuts[] = {rng_below(&rng, total + 1), total};
        check(&damaged, cuts, 2);
        strbuf_done(&recorder.trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_cut_once_anywhere),
        cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_cut_at_random),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
