/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Raw mode tells the truth: totals equal the server's own to the unit, failures are counted by
 * kind, and a constant rate shows what a closed loop hides.
 */
#include "unit/test.h"

#include <stdio.h>

#include "base/clock.h"
#include "load/latency.h"
#include "load/raw-format.h"
#include "load/raw.h"
#include "server.h"

static struct target target_of(const struct server *server, enum server_path path)
{
    char text[128];
    struct url url;
    struct target target;
    struct target_options options = {.connections = 64, .threads = 2};
    int length =
        snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", server->port, server_path(path));
    assert_int_equal(url_parse(text, (size_t)length, &url, NULL), 0);
    assert_int_equal(target_prepare(&url, &options, &target, NULL), 0);
    return target;
}

static void run(const struct raw_options *options, struct raw_result *out_result)
{
    struct error err = {0};
    if (raw_run(options, out_result, &err) < 0)
        fail_msg("%s", err.text);
}

static const int failure_of[SERVER_PATHS] = {
    [SERVER_OK] = -1,
    [SERVER_CHUNKED] = -1,
    [SERVER_CLOSE] = -1,
    [SERVER_BIG_FILE] = -1,
    [SERVER_MISSING] = LOAD_BAD_STATUS,
    [SERVER_RESET] = CLIENT_RESET,
    [SERVER_EARLY] = CLIENT_CLOSED_EARLY,
    [SERVER_EARLY_HEAD] = CLIENT_CLOSED_EARLY,
    [SERVER_SILENT] = CLIENT_TIMEOUT,
    [SERVER_DRIP] = CLIENT_TIMEOUT,
    [SERVER_MALFORMED] = CLIENT_MALFORMED,
    [SERVER_EXTRA] = CLIENT_MALFORMED,
    [SERVER_BIG_HEAD] = CLIENT_HEADER_TOO_LARGE,
    [SERVER_BIG_BODY] = CLIENT_BODY_TOO_LARGE,
};

static void check_path(enum server_path path, enum loop_kind loop)
{
    struct server server;
    server_start(&server);
    struct target target = target_of(&server, path);
    struct raw_options options = {
        .target = &target,
        .connections = 6,
        .threads = 2,
        .duration_ns = 200 * NS_PER_MS,
        .timeout_ns = 100 * NS_PER_MS,
        .body_limit = SERVER_BIG_FILE_BYTES,
        .loop = loop,
    };
    /* Only what never answers may time out, however slow this machine is. */
    if (failure_of[path] != CLIENT_TIMEOUT)
        options.timeout_ns = 30 * NS_PER_S;
    struct raw_result result;
    run(&options, &result);
    bool is_answered = failure_of[path] == -1 || failure_of[path] == LOAD_BAD_STATUS;
    uint64_t failed = load_failures_total(&result.failures);
    uint64_t asked = server_asked(&server, path);
    assert_true(asked >= options.connections);
    assert_int_equal(is_answered ? result.requests : failed, asked);
    assert_int_equal(result.requests, is_answered ? asked : 0);
    for (int i = 0; i < LOAD_FAILURES; i++)
        assert_int_equal(result.failures.counts[i], i == failure_of[path] ? asked : 0);
    assert_int_equal(result.latency_raw.count, result.requests);
    if (path == SERVER_OK)
        assert_int_equal(result.bytes, server.answered_bytes);
    if (path == SERVER_BIG_FILE)
        assert_int_equal(result.body_bytes, result.requests * SERVER_BIG_FILE_BYTES);
    raw_result_done(&result);
    server_stop(&server);
}

static void test_every_kind(void **state)
{
    (void)state;
    for (int path = 0; path < SERVER_PATHS; path++) {
        check_path(path, LOOP_EPOLL);
        check_path(path, LOOP_AUTO);
    }
}

static void test_rate_below_capacity(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct target target = target_of(&server, SERVER_OK);
    struct raw_options options = {.target = &target,
                                  .connections = 8,
                                  .threads = 2,
                                  .duration_ns = 1500 * NS_PER_MS,
                                  .rate_hz = 400};
    struct raw_result result;
    run(&options, &result);
    assert_int_equal(result.planned, 600);
    assert_int_equal(result.requests + result.unsent, 600);
    assert_int_equal(result.requests, server_asked(&server, SERVER_OK));
    assert_true(result.unsent < 60); /* only a machine that stands still at the end has some */
    assert_near(raw_requests_per_s(&result), 400, 60);
    raw_result_done(&result);
    server_stop(&server);
}

/* Four connections and 10 ms for each answer: 400 a second are possible, whatever is asked for. */
static void test_rate_above_capacity(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    server.service_ns = 10 * NS_PER_MS;
    struct target target = target_of(&server, SERVER_OK);
    struct raw_options options = {.target = &target,
                                  .connections = 4,
                                  .threads = 2,
                                  .duration_ns = 1500 * NS_PER_MS,
                                  .rate_hz = 4000};
    struct raw_result result;
    run(&options, &result);
    assert_int_equal(result.planned, 6000);
    assert_int_equal(result.requests, server_asked(&server, SERVER_OK));
    assert_int_equal(result.unsent, 6000 - result.requests);
    assert_true(raw_requests_per_s(&result) <= 404);
    /* The last that went out were planned at about their share of the time: the rest is delay. */
    double share = (double)result.requests / 6000;
    struct latency planned = latency_of(&result.latency_planned);
    assert_true((double)planned.max_ns >= (1 - share) * 1.4e9);
    assert_true(planned.max_ns <= result.duration_ns);
    raw_result_done(&result);
    server_stop(&server);
}

struct freeze {
    struct server *server;
    uint64_t after_ns;
    uint64_t duration_ns;
};

static void *freeze(void *context)
{
    struct freeze *one = context;
    clock_sleep_ns(one->after_ns);
    one->duration_ns = server_freeze(one->server, one->duration_ns);
    return NULL;
}

/* 400 a second for four seconds, of which the server stands still for one. A quarter of the 1600
 * requests is due in that second and waits for the rest of it: one in a hundred of all for at least
 * 0.96 of it, one in ten for 0.6. But only the four that are under way are sent and not answered,
 * and they are no hundredth. */
static void test_frozen_server(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct target target = target_of(&server, SERVER_OK);
    struct raw_options options = {.target = &target,
                                  .connections = 4,
                                  .threads = 1,
                                  .duration_ns = 4 * NS_PER_S,
                                  .rate_hz = 400};
    struct freeze one = {&server, 1500 * NS_PER_MS, NS_PER_S};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, freeze, &one), 0);
    struct raw_result result;
    run(&options, &result);
    pthread_join(thread, NULL);
    struct latency raw = latency_of(&result.latency_raw);
    struct latency planned = latency_of(&result.latency_planned);
    double frozen_ns = (double)one.duration_ns;
    assert_int_equal(result.planned, 1600);
    assert_true((double)planned.p99_ns >= 0.94 * frozen_ns);
    assert_true((double)planned.p90_ns >= 0.56 * frozen_ns);
    assert_true((double)planned.p99_ns <= 1.5 * frozen_ns);
    assert_true((double)planned.p50_ns <= 0.3 * frozen_ns);
    assert_true((double)raw.max_ns >= 0.9 * frozen_ns);
    assert_true((double)raw.p99_ns <= 0.3 * frozen_ns);
    raw_result_done(&result);
    server_stop(&server);
}

/* 300,000 bytes at 100,000 a second, less what lies in the buffers of both kernels at the end. */
static void test_receive_rate(void **state)
{
    (void)state;
    static const enum loop_kind loops[] = {LOOP_EPOLL, LOOP_AUTO};
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        server_start(&server);
        struct target target = target_of(&server, SERVER_BIG_FILE);
        struct raw_options options = {.target = &target,
                                      .connections = 1,
                                      .threads = 1,
                                      .duration_ns = 100 * NS_PER_MS,
                                      .loop = loops[i],
                                      .receive_bytes_per_s = 200000};
        struct raw_result result;
        run(&options, &result);
        assert_int_equal(result.requests, 1);
        assert_int_equal(result.body_bytes, SERVER_BIG_FILE_BYTES);
        assert_true(result.latency_raw.min >= 1400 * NS_PER_MS);
        assert_true(result.latency_raw.max <= 4 * NS_PER_S);
        raw_result_done(&result);
        server_stop(&server);
    }
}

static void test_contradictions(void **state)
{
    (void)state;
    struct server server;
    server_start(&server);
    struct target target = target_of(&server, SERVER_OK);
    struct raw_options good = {
        .target = &target, .connections = 2, .threads = 1, .duration_ns = NS_PER_MS};
    struct raw_options bad[] = {good, good, good, good, good};
    bad[0].connections = 0;
    bad[1].threads = 0;
    bad[2].threads = 3;
    bad[3].duration_ns = 0;
    bad[4].rate_hz = 0.5;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct raw_result result;
        assert_int_equal(raw_run(&bad[i], &result, &err), -22);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    assert_int_equal(server_asked(&server, SERVER_OK), 0);
    server_stop(&server);
    struct error err = {0};
    struct raw_result result;
    assert_true(raw_run(&good, &result, &err) < 0); /* nobody listens any more */
    assert_int_equal(err.kind, ERROR_ENVIRONMENT);
    assert_non_null(strstr(err.text, "refused"));
}

static void test_remote_is_refused(void **state)
{
    (void)state;
    struct url url;
    struct target target;
    struct error err = {0};
    struct target_options options = {.connections = 1, .threads = 1};
    assert_int_equal(url_parse("http://192.0.2.1/", 17, &url, NULL), 0);
    assert_int_equal(target_prepare(&url, &options, &target, &err), -1);
    assert_non_null(strstr(err.text, "--allow-remote"));
    options.allow_remote = true;
    assert_int_equal(target_prepare(&url, &options, &target, &err), 0);
    assert_int_equal(url_parse("http://127.9.9.9/", 17, &url, NULL), 0);
    options.allow_remote = false;
    assert_int_equal(target_prepare(&url, &options, &target, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),          cmocka_unit_test(test_rate_below_capacity),
        cmocka_unit_test(test_rate_above_capacity), cmocka_unit_test(test_frozen_server),
        cmocka_unit_test(test_receive_rate),        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_remote_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
