/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "http/timers.h"

/* Time-outs are found by going through all connections bit by bit, once in SWEEP_NS. */
#define SWEEP_NS (128 * NS_PER_MS)
#define SWEEP_STEPS 16
#define NO_DEADLINE UINT64_MAX

enum { PLAIN_BYTES = 16384 }; /* a TLS record holds no more */

enum state { CLOSED, CONNECTING, HANDSHAKING, IDLE, WAITING };

struct connection {
    uint8_t state;
    bool in_stillborn;
    int open_code;       /* < 0: could not even start to connect */
    uint32_t generation; /* counts openings, so that a callback's close and reopen is seen */
    struct tls_stream *tls;
    const char *tls_host;
    struct tls_ticket **ticket;
    uint64_t sent_ns;
    struct response_parser parser;
};

struct client {
    struct client_options options;
    struct loop *loop;
    struct connection *connections;
    uint64_t *deadlines; /* apart, so that sweeping touches little memory */
    uint32_t *stillborn; /* connections that could not even start to connect; room for two rounds */
    uint32_t stillborn_count;
    uint64_t next_sweep_ns;
    uint32_t sweep_at;
    struct timers pace; /* when a paced connection may receive again */
    struct client_totals totals;
    char tls_reason[TLS_REASON_BYTES];
    char plain[PLAIN_BYTES];
};

static const char *const failure_names[CLIENT_FAILURES] = {
    [CLIENT_REFUSED] = "connect_refused",
    [CLIENT_UNREACHABLE] = "unreachable",
    [CLIENT_CONNECT_TIMEOUT] = "connect_timeout",
    [CLIENT_NO_SOCKET] = "no_socket",
    [CLIENT_TLS] = "tls",
    [CLIENT_CERTIFICATE] = "certificate",
    [CLIENT_TIMEOUT] = "timeout",
    [CLIENT_RESET] = "reset",
    [CLIENT_CLOSED_EARLY] = "early_close",
    [CLIENT_MALFORMED] = "malformed",
    [CLIENT_HEADER_TOO_LARGE] = "oversized_header",
    [CLIENT_BODY_TOO_LARGE] = "oversized_body",
};

const char *client_failure_name(enum client_failure failure)
{
    return failure_names[failure];
}

void client_close(struct client *client, uint32_t number)
{
    struct connection *connection = &client->connections[number];
    if (connection->state == CLOSED)
        return;
    connection->state = CLOSED;
    connection->tls = tls_stream_free(connection->tls);
    client->deadlines[number] = NO_DEADLINE;
    if (client->options.receive_bytes_per_s)
        timers_cancel(&client->pace, number);
    loop_close(client->loop, number);
}

static void fail(struct client *client, uint32_t number, enum client_failure failure, int code)
{
    client_close(client, number);
    client->options.handler->failed(client->options.context, number, failure, code);
}

static enum client_failure failure_of_connect(int code)
{
    switch (code) {
    case -ECONNREFUSED:
        return CLIENT_REFUSED;
    case -ETIMEDOUT:
        return CLIENT_CONNECT_TIMEOUT;
    case -ECONNRESET:
        return CLIENT_RESET;
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
    case -ENOMEM:
    case -EADDRNOTAVAIL:
    case -EADDRINUSE:
        return CLIENT_NO_SOCKET;
    default:
        return CLIENT_UNREACHABLE;
    }
}

void client_open(struct client *client, uint32_t number, const struct client_target *target)
{
    struct connection *connection = &client->connections[number];
    struct loop_target to = {
        .remote = target->remote,
        .local = target->local,
        .paced = client->options.receive_bytes_per_s > 0,
        .receive_buffer_bytes = client->options.receive_bytes_per_s ? LOOP_PACED_BUFFER_BYTES : 0,
    };
    connection->state = CONNECTING;
    connection->generation++;
    connection->tls_host = target->tls_host;
    connection->ticket = target->ticket;
    client->deadlines[number] = clock_monotonic_ns() + client->options.connect_timeout_ns;
    connection->open_code = loop_connect(client->loop, number, &to);
    if (connection->open_code == 0 || connection->in_stillborn)
        return;
    connection->in_stillborn = true;
    client->stillborn[client->stillborn_count++] = number;
}

bool client_is_closed(const struct client *client, uint32_t number)
{
    return client->connections[number].state == CLOSED;
}

bool client_is_open(const struct client *client, uint32_t number)
{
    return client->connections[number].state >= IDLE;
}

static void report_opened(struct client *client, uint32_t number)
{
    client->connections[number].state = IDLE;
    client->deadlines[number] = NO_DEADLINE;
    client->totals.connects++;
    if (client->options.handler->opened)
        client->options.handler->opened(client->options.context, number);
}

static void send_tls_output(struct client *client, uint32_t number, uint64_t *out_sent_ns)
{
    const char *bytes;
    size_t length = tls_take_output(client->connections[number].tls, &bytes);
    if (length > 0)
        loop_send(client->loop, number, bytes, length, out_sent_ns);
}

static void fail_tls(struct client *client, uint32_t number, enum tls_result result)
{
    if (!client->tls_reason[0])
        tls_stream_reason(client->connections[number].tls, client->tls_reason);
    fail(client, number, result == TLS_CERTIFICATE ? CLIENT_CERTIFICATE : CLIENT_TLS, 0);
}

/* The client's last handshake message goes out with the first request, unless there is none yet. */
static void go_on_with_handshake(struct client *client, uint32_t number)
{
    struct connection *connection = &client->connections[number];
    enum tls_result result = tls_handshake(connection->tls);
    if (result == TLS_MORE) {
        send_tls_output(client, number, NULL);
        return;
    }
    if (result != TLS_OK) {
        fail_tls(client, number, result);
        return;
    }
    client->totals.resumed += tls_is_resumed(connection->tls);
    uint32_t generation = connection->generation;
    report_opened(client, number);
    if (connection->state == IDLE && connection->generation == generation)
        send_tls_output(client, number, NULL);
}

static void on_connected(void *context, uint32_t number)
{
    struct client *client = context;
    struct connection *connection = &client->connections[number];
    if (client->options.receive_bytes_per_s)
        loop_receive(client->loop, number, LOOP_PACED_BUFFER_BYTES);
    if (!connection->tls_host) {
        report_opened(client, number);
        return;
    }
    connection->state = HANDSHAKING;
    connection->tls = tls_stream_new(client->options.tls, connection->tls_host, connection->ticket);
    go_on_with_handshake(client, number);
}

void client_request(struct client *client, uint32_t number, const char *bytes, size_t length,
                    bool head)
{
    struct connection *connection = &client->connections[number];
    struct response_options limits = client->options.limits;
    limits.head = head;
    limits.wants_fields = client->options.handler->field != NULL;
    response_init(&connection->parser, &limits);
    connection->state = WAITING;
    client->deadlines[number] = client_now_ns(client) + client->options.response_timeout_ns;
    client->totals.sent_bytes += length;
    if (!connection->tls) {
        loop_send(client->loop, number, bytes, length, &connection->sent_ns);
        return;
    }
    /* A failure to write shows when reading, too. */
    if (tls_write(connection->tls, bytes, length) == TLS_OK)
        send_tls_output(client, number, &connection->sent_ns);
}

bool client_has_answered(const struct client *client, uint32_t number)
{
    return client->connections[number].parser.started;
}

static enum client_failure failure_of_response(enum response_failure failure)
{
    switch (failure) {
    case RESPONSE_HEADER_TOO_LARGE:
        return CLIENT_HEADER_TOO_LARGE;
    case RESPONSE_BODY_TOO_LARGE:
        return CLIENT_BODY_TOO_LARGE;
    case RESPONSE_CLOSED_EARLY:
        return CLIENT_CLOSED_EARLY;
    default:
        return CLIENT_MALFORMED;
    }
}

static void finish_response(struct client *client, uint32_t number)
{
    struct connection *connection = &client->connections[number];
    const struct response_parser *parser = &connection->parser;
    struct client_response response = {
        .status = parser->status,
        .header_bytes = parser->header_bytes,
        .body_bytes = parser->body_bytes,
        .sent_ns = connection->sent_ns,
        .keep_alive = parser->keep_alive,
    };
    connection->state = IDLE;
    client->deadlines[number] = NO_DEADLINE;
    if (!response.keep_alive)
        client_close(client, number);
    client->options.handler->done(client->options.context, number, &response);
}

/* Hands one event on. False when the connection has no more use for bytes. */
static bool take_event(struct client *client, uint32_t number, enum response_event event,
                       const struct response_text *name, const struct response_text *value)
{
    const struct client_handler *handler = client->options.handler;
    struct connection *connection = &client->connections[number];
    uint32_t generation = connection->generation;
    if (event == RESPONSE_FIELD)
        handler->field(client->options.context, number, name, value);
    else if (handler->body)
        handler->body(client->options.context, number, value->bytes, value->length);
    return connection->state == WAITING && connection->generation == generation;
}

static void take_plain(struct client *client, uint32_t number, const char *bytes, size_t length)
{
    struct connection *connection = &client->connections[number];
    client->totals.received_bytes += length;
    if (connection->state != WAITING) { /* nothing was asked: the server is ending it */
        client_close(client, number);
        if (client->options.handler->closed)
            client->options.handler->closed(client->options.context, number);
        return;
    }
    struct response_text name = {0}, value = {0};
    for (;;) {
        enum response_event event =
            response_next(&connection->parser, &bytes, &length, &name, &value);
        switch (event) {
        case RESPONSE_FIELD:
        case RESPONSE_BODY:
            if (!take_event(client, number, event, &name, &value))
                return;
            break;
        case RESPONSE_DONE:
            if (length > 0) /* more than the response: there is no telling what it is */
                fail(client, number, CLIENT_MALFORMED, 0);
            else
                finish_response(client, number);
            return;
        case RESPONSE_FAILED:
            fail(client, number, failure_of_response(connection->parser.failure), 0);
            return;
        case RESPONSE_MORE:
            return;
        }
    }
}

static void end_stream(struct client *client, uint32_t number, int code);

static void take_records(struct client *client, uint32_t number)
{
    struct connection *connection = &client->connections[number];
    uint32_t generation = connection->generation;
    enum tls_result result = TLS_OK;
    while (result == TLS_OK) {
        size_t length = 0;
        result = tls_read(connection->tls, client->plain, PLAIN_BYTES, &length);
        if (result != TLS_OK)
            break;
        take_plain(client, number, client->plain, length);
        if (connection->state < IDLE || connection->generation != generation)
            return;
    }
    if (result == TLS_CLOSED)
        end_stream(client, number, 0);
    else if (result != TLS_MORE)
        fail_tls(client, number, result);
    else
        send_tls_output(client, number, NULL); /* a key update, say */
}

static void pace_next(struct client *client, uint32_t number, size_t length)
{
    uint64_t wait_ns =
        (uint64_t)((double)length * (double)NS_PER_S / (double)client->options.receive_bytes_per_s);
    timers_set(&client->pace, number, client_now_ns(client) + wait_ns);
}

static void on_received(void *context, uint32_t number, const char *bytes, size_t length)
{
    struct client *client = context;
    struct connection *connection = &client->connections[number];
    if (client->options.receive_bytes_per_s)
        pace_next(client, number, length);
    if (!connection->tls) {
        take_plain(client, number, bytes, length);
        return;
    }
    uint32_t generation = connection->generation;
    tls_feed(connection->tls, bytes, length);
    if (connection->state == HANDSHAKING)
        go_on_with_handshake(client, number);
    if (connection->state >= IDLE && connection->generation == generation)
        take_records(client, number);
}

/* End of file (0) or a failure of the connection. */
static void end_stream(struct client *client, uint32_t number, int code)
{
    struct connection *connection = &client->connections[number];
    if (connection->state == IDLE) {
        client_close(client, number);
        if (client->options.handler->closed)
            client->options.handler->closed(client->options.context, number);
        return;
    }
    if (code == 0 && connection->state == WAITING &&
        response_end(&connection->parser) == RESPONSE_DONE) {
        finish_response(client, number);
        return;
    }
    if (code == 0)
        fail(client, number, CLIENT_CLOSED_EARLY, 0);
    else if (code == -ECONNRESET || code == -EPIPE)
        fail(client, number, CLIENT_RESET, code);
    else
        fail(client, number, CLIENT_UNREACHABLE, code);
}

static void on_ended(void *context, uint32_t number, int code)
{
    struct client *client = context;
    if (client->connections[number].state == CONNECTING)
        fail(client, number, failure_of_connect(code), code);
    else
        end_stream(client, number, code);
}

static const struct loop_handler loop_handler = {
    .connected = on_connected,
    .received = on_received,
    .ended = on_ended,
};

int client_new(const struct client_options *options, struct client **out_client, struct error *err)
{
    CLEANUP(client_free_cleanup) struct client *client = mem_zalloc(sizeof(*client));
    client->options = *options;
    if (!options->connect_timeout_ns)
        client->options.connect_timeout_ns = 10 * NS_PER_S;
    if (!options->response_timeout_ns)
        client->options.response_timeout_ns = 30 * NS_PER_S;
    struct loop_options loop_options = {
        .kind = options->loop,
        .slots = options->connections,
        .handler = &loop_handler,
        .context = client,
    };
    int rc = loop_new(&loop_options, &client->loop, err);
    if (rc < 0)
        return rc;
    client->connections = mem_array(options->connections, sizeof(client->connections[0]));
    client->deadlines = mem_array(options->connections, sizeof(client->deadlines[0]));
    client->stillborn = mem_array(2 * (size_t)options->connections, sizeof(client->stillborn[0]));
    for (uint32_t i = 0; i < options->connections; i++)
        client->deadlines[i] = NO_DEADLINE;
    if (options->receive_bytes_per_s)
        timers_init(&client->pace, options->connections);
    *out_client = TAKE_PTR(client);
    return 0;
}

const char *client_loop_name(const struct client *client)
{
    return loop_name(client->loop);
}

/* A connection may be opened again by the very callback that hears of its failure. */
static void report_stillborn(struct client *client)
{
    uint32_t count = client->stillborn_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = client->stillborn[i];
        struct connection *connection = &client->connections[number];
        connection->in_stillborn = false;
        int code = connection->open_code;
        if (connection->state == CONNECTING && code < 0)
            fail(client, number, failure_of_connect(code), code);
    }
    client->stillborn_count -= count;
    memmove(client->stillborn, client->stillborn + count,
            client->stillborn_count * sizeof(client->stillborn[0]));
}

static void sweep(struct client *client, uint64_t now_ns)
{
    uint32_t count = client->options.connections;
    uint32_t step = (count + SWEEP_STEPS - 1) / SWEEP_STEPS;
    for (uint32_t i = 0; i < step && client->sweep_at < count; i++) {
        uint32_t number = client->sweep_at++;
        if (client->deadlines[number] > now_ns)
            continue;
        bool waiting = client->connections[number].state == WAITING;
        fail(client, number, waiting ? CLIENT_TIMEOUT : CLIENT_CONNECT_TIMEOUT, -ETIMEDOUT);
    }
    if (client->sweep_at == count)
        client->sweep_at = 0;
    client->next_sweep_ns = now_ns + SWEEP_NS / SWEEP_STEPS;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

int client_run(struct client *client, uint64_t until_ns, struct error *err)
{
    bool paced = client->options.receive_bytes_per_s > 0;
    if (client->stillborn_count > 0) {
        until_ns = 0;
        report_stillborn(client);
    }
    until_ns = earlier(until_ns, client->next_sweep_ns);
    if (paced)
        until_ns = earlier(until_ns, timers_next_ns(&client->pace));
    int rc = loop_run(client->loop, until_ns);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "wait for network events (%s)",
                               loop_name(client->loop));
    uint64_t now_ns = loop_now_ns(client->loop);
    struct timers_entry entry;
    while (paced && timers_take(&client->pace, now_ns, &entry))
        loop_receive(client->loop, entry.id, LOOP_PACED_BUFFER_BYTES);
    if (now_ns >= client->next_sweep_ns)
        sweep(client, now_ns);
    return 0;
}

uint64_t client_now_ns(const struct client *client)
{
    return loop_now_ns(client->loop);
}

void client_read_totals(const struct client *client, struct client_totals *out_totals)
{
    *out_totals = client->totals;
}

const char *client_tls_reason(const struct client *client)
{
    return client->tls_reason;
}

struct client *client_free(struct client *client)
{
    if (!client)
        return NULL;
    for (uint32_t i = 0; client->connections && i < client->options.connections; i++)
        client->connections[i].tls = tls_stream_free(client->connections[i].tls);
    client->loop = loop_free(client->loop);
    if (client->options.receive_bytes_per_s)
        timers_done(&client->pace);
    free(client->connections);
    free(client->deadlines);
    free(client->stillborn);
    free(client);
    return NULL;
}
