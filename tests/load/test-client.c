/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every way to fail is told apart, over either event loop, on connections that do everything at
 * once.
 */
#include "unit/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"
#include "server.h"

enum { EACH = 5, REFUSED = SERVER_PATHS, KINDS = SERVER_PATHS + 1, CONNECTIONS = EACH * KINDS };

enum { FINE = -1 };

/* What must come of each path. */
static const int expected[KINDS] = {
    [SERVER_OK] = FINE,
    [SERVER_CHUNKED] = FINE,
    [SERVER_CLOSE] = FINE,
    [SERVER_MISSING] = FINE,
    [SERVER_RESET] = CLIENT_RESET,
    [SERVER_EARLY] = CLIENT_CLOSED_EARLY,
    [SERVER_EARLY_HEAD] = CLIENT_CLOSED_EARLY,
    [SERVER_SILENT] = CLIENT_TIMEOUT,
    [SERVER_DRIP] = CLIENT_TIMEOUT,
    [SERVER_MALFORMED] = CLIENT_MALFORMED,
    [SERVER_EXTRA] = CLIENT_MALFORMED,
    [SERVER_BIG_HEAD] = CLIENT_HEADER_TOO_LARGE,
    [SERVER_BIG_BODY] = CLIENT_BODY_TOO_LARGE,
    [SERVER_BIG_FILE] = FINE,
    [REFUSED] = CLIENT_REFUSED,
};

/* Requests of a connection whose server goes on serving it. */
enum { ROUNDS = 20 };

struct world {
    struct client *client;
    char requests[KINDS][64];
    unsigned answers[CONNECTIONS];
    int results[CONNECTIONS]; /* the last */
    unsigned over;
    uint64_t body_bytes[CONNECTIONS];
};

static void ask(struct world *world, uint32_t number)
{
    const char *request = world->requests[number % KINDS];
    client_request(world->client, number, request, strlen(request), false);
}

static void on_opened(void *context, uint32_t number)
{
    ask(context, number);
}

static void on_body(void *context, uint32_t number, const char *bytes, size_t length)
{
    struct world *world = context;
    assert_non_null(bytes);
    world->body_bytes[number] += length;
}

static void on_done(void *context, uint32_t number, const struct client_response *response)
{
    struct world *world = context;
    world->results[number] = FINE;
    unsigned kind = number % KINDS;
    assert_int_equal(response->status, kind == SERVER_MISSING ? 404 : 200);
    assert_int_equal(response->keep_alive, kind != SERVER_CLOSE);
    assert_true(response->sent_ns <= clock_monotonic_ns());
    world->answers[number]++;
    if (response->keep_alive && world->answers[number] < ROUNDS)
        ask(world, number);
    else
        world->over++;
}

static void on_failed(void *context, uint32_t number, enum client_failure failure, int code)
{
    struct world *world = context;
    (void)code;
    world->results[number] = (int)failure;
    world->over++;
    assert_false(client_is_open(world->client, number));
}

static const struct client_handler handler = {
    .opened = on_opened, .body = on_body, .done = on_done, .failed = on_failed};

static uint16_t closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static struct client_target target_of(uint16_t port)
{
    return (struct client_target){.remote.v4 = {.sin_family = AF_INET,
                                                .sin_port = htons(port),
                                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
}

static void check_connection(const struct world *world, uint32_t i)
{
    unsigned kind = i % KINDS;
    const char *name = kind == REFUSED ? "refused" : server_path(kind);
    if (world->results[i] != expected[kind])
        fail_msg("%s: %s, expected %s", name,
                 world->results[i] == FINE ? "fine" : client_failure_name(world->results[i]),
                 expected[kind] == FINE ? "fine" : client_failure_name(expected[kind]));
    unsigned answers = expected[kind] != FINE ? 0 : kind == SERVER_CLOSE ? 1 : ROUNDS;
    assert_int_equal(world->answers[i], answers);
    if (kind == SERVER_OK || kind == SERVER_CHUNKED)
        assert_int_equal(world->body_bytes[i], 5 * ROUNDS);
    if (kind == SERVER_BIG_FILE)
        assert_int_equal(world->body_bytes[i], SERVER_BIG_FILE_BYTES * ROUNDS);
}

static void run_all(enum loop_kind loop)
{
    struct server server;
    struct world world = {0};
    struct error err = {0};
    server_start(&server);
    struct client_target good = target_of(server.port), closed = target_of(closed_port());
    for (unsigned i = 0; i < SERVER_PATHS; i++)
        snprintf(world.requests[i], sizeof(world.requests[i]), "GET %s HTTP/1.1\r\n\r\n",
                 server_path(i));
    struct client_options options = {
        .loop = loop,
        .connections = CONNECTIONS,
        .handler = &handler,
        .context = &world,
        .response_timeout_ns = 1500 * NS_PER_MS,
        .limits = {.body_limit = SERVER_BIG_FILE_BYTES},
    };
    int rc = client_new(&options, &world.client, &err);
    if (rc < 0 && loop == LOOP_URING) {
        print_message("no io_uring here: %s\n", err.text);
        server_stop(&server);
        skip();
    }
    assert_int_equal(rc, 0);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        client_open(world.client, i, i % KINDS == REFUSED ? &closed : &good);
    uint64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_S;
    while (world.over < CONNECTIONS && clock_monotonic_ns() < deadline_ns)
        assert_int_equal(client_run(world.client, deadline_ns, &err), 0);
    assert_int_equal(world.over, CONNECTIONS);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        check_connection(&world, i);
    for (int i = 0; i < SERVER_PATHS; i++)
        assert_int_equal(server_asked(&server, i),
                         EACH * (expected[i] == FINE && i != SERVER_CLOSE ? ROUNDS : 1));
    client_free(world.client);
    server_stop(&server);
}

static void test_epoll(void **state)
{
    (void)state;
    run_all(LOOP_EPOLL);
}

static void test_uring(void **state)
{
    (void)state;
    run_all(LOOP_URING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_epoll), cmocka_unit_test(test_uring)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
