/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * client: HTTP/1.1 connections of one thread: connect, TLS, request, response, time-outs; every way
 * to fail has a kind of its own.
 *
 * A connection carries one request at a time. Nothing is allocated per request. Callbacks run
 * inside client_run() only and may call everything here but client_run() and client_free().
 */
#pragma once

#include "http/loop.h"
#include "http/response.h"
#include "http/tls.h"

struct client;

enum client_failure {
    CLIENT_REFUSED,          /* connect: connection refused */
    CLIENT_UNREACHABLE,      /* connect: no route and the like */
    CLIENT_CONNECT_TIMEOUT,  /* connect or TLS handshake took too long */
    CLIENT_NO_SOCKET,        /* out of descriptors, ports or memory on our side */
    CLIENT_TLS,              /* handshake or record failed */
    CLIENT_CERTIFICATE,      /* the server is not who it should be */
    CLIENT_TIMEOUT,          /* no whole response in time */
    CLIENT_RESET,            /* connection reset (or a broken pipe) */
    CLIENT_CLOSED_EARLY,     /* end of file before the response was whole */
    CLIENT_MALFORMED,        /* not HTTP, or more bytes than the response has */
    CLIENT_HEADER_TOO_LARGE, /* beyond the limit */
    CLIENT_BODY_TOO_LARGE,
    CLIENT_FAILURES,
};

/* "connect_refused", ...: the names in JSON and in tables. */
const char *client_failure_name(enum client_failure failure);

struct client_response {
    unsigned status;
    uint32_t header_bytes;
    uint64_t body_bytes;
    uint64_t sent_ns; /* when the request went to the kernel */
    bool keep_alive;  /* false: the connection is closed already */
};

/* Unused hooks may be NULL, but done and failed. */
struct client_handler {
    void (*opened)(void *context, uint32_t connection); /* and the TLS handshake is over */
    void (*field)(void *context, uint32_t connection, const struct response_text *name,
                  const struct response_text *value);
    void (*body)(void *context, uint32_t connection, const char *bytes, size_t length);
    void (*done)(void *context, uint32_t connection, const struct client_response *response);
    /* While connecting or waiting for a response; the connection is closed. code: what the kernel
     * said, a negative errno, or 0. */
    void (*failed)(void *context, uint32_t connection, enum client_failure failure, int code);
    /* The server ended a connection that carried no request. */
    void (*closed)(void *context, uint32_t connection);
};

struct client_options {
    enum loop_kind loop;
    uint32_t connections;
    const struct client_handler *handler;
    void *context;
    struct tls_context *tls;        /* NULL: none; the caller's, must outlive the client */
    uint64_t connect_timeout_ns;    /* 0: 10 s */
    uint64_t response_timeout_ns;   /* 0: 30 s; both are looked at some eight times a second */
    struct response_options limits; /* of every response */
    uint64_t receive_bytes_per_s;   /* rated receive speed of each connection; 0: as it comes */
};

struct client_target {
    union loop_address remote;
    union loop_address local;   /* family 0: the kernel chooses */
    const char *tls_host;       /* not NULL: TLS, and the certificate must bear this name */
    struct tls_ticket **ticket; /* for resumption, may be NULL */
};

int client_new(const struct client_options *options, struct client **out_client, struct error *err)
    __attribute__((warn_unused_result));
const char *client_loop_name(const struct client *client);

/* Opens a closed connection; opened() or failed() follows from client_run(). */
void client_open(struct client *client, uint32_t connection, const struct client_target *target);
bool client_is_closed(const struct client *client, uint32_t connection);
/* Connected, and through with the TLS handshake. */
bool client_is_open(const struct client *client, uint32_t connection);

/* Sends a request on an open connection that waits for nothing. The bytes stay as they are until
 * done(), failed() or client_close(). head: the request's method is HEAD. */
void client_request(struct client *client, uint32_t connection, const char *bytes, size_t length,
                    bool head);
void client_close(struct client *client, uint32_t connection);
/* Has a byte of the answer to the last request come? Also after the connection was closed. */
bool client_has_answered(const struct client *client, uint32_t connection);

/* Waits for events, at most until until_ns (monotonic clock), and delivers them. */
int client_run(struct client *client, uint64_t until_ns, struct error *err)
    __attribute__((warn_unused_result));
uint64_t client_now_ns(const struct client *client); /* when the present events were taken */

struct client_totals {
    uint64_t received_bytes; /* heads, bodies and framing; without TLS */
    uint64_t sent_bytes;
    uint64_t connects; /* that succeeded */
    uint64_t resumed;  /* of them by a TLS ticket */
};
void client_read_totals(const struct client *client, struct client_totals *out_totals);
/* Why TLS failed first; "" where it has not. */
const char *client_tls_reason(const struct client *client);

struct client *client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free);
