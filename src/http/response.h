/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * response: an incremental HTTP/1.1 response parser (RFC 9112). Pure: bytes in, events out.
 *
 * However the bytes are split, the events are the same, but that runs of body bytes may come in
 * other portions. Everything is bounded: a head (interim responses and trailers included) by
 * header_limit, a body by body_limit, a line that is looked at by RESPONSE_LINE_BYTES: of a longer
 * field the first so many bytes count, and a longer status line, chunk line or framing field is
 * malformed. Nothing is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_LINE_BYTES 512
#define RESPONSE_HEADER_LIMIT 32768

enum response_event {
    RESPONSE_MORE,   /* all bytes are taken, more are needed */
    RESPONSE_FIELD,  /* name and value of a header field; only where fields are wanted */
    RESPONSE_BODY,   /* value holds body bytes, without chunk framing */
    RESPONSE_DONE,   /* the response is whole; bytes behind it are left */
    RESPONSE_FAILED, /* see failure; the connection is of no more use */
};

enum response_failure {
    RESPONSE_FINE,
    RESPONSE_MALFORMED,
    RESPONSE_HEADER_TOO_LARGE,
    RESPONSE_BODY_TOO_LARGE,
    RESPONSE_CLOSED_EARLY, /* only from response_end() */
};

/* Into the bytes that were given or into the parser: valid until the next call. */
struct response_text {
    const char *bytes;
    size_t length;
};

struct response_options {
    bool wants_fields;     /* yield RESPONSE_FIELD */
    bool head;             /* the request was HEAD: no body follows */
    uint32_t header_limit; /* bytes; 0: RESPONSE_HEADER_LIMIT */
    uint64_t body_limit;   /* bytes; 0: none */
};

/* Read-only for the caller once initialised. */
struct response_parser {
    uint8_t state;
    uint8_t failure; /* enum response_failure */
    bool wants_fields;
    bool head;
    bool keep_alive; /* final after RESPONSE_DONE: the connection can carry another request */
    bool closes;     /* "Connection: close" */
    bool chunked;
    bool other_coding; /* a transfer coding other than chunked */
    bool has_length;
    bool started;    /* a byte of the response has come */
    uint16_t status; /* 0 until the status line is parsed; then that of the final response */
    uint16_t line_length;
    uint32_t header_limit;
    uint32_t header_bytes; /* of heads and trailers so far */
    uint64_t left;         /* of the body or the present chunk */
    uint64_t body_bytes;   /* so far */
    uint64_t body_limit;
    char line[RESPONSE_LINE_BYTES]; /* start of a line whose end has not come */
};

void response_init(struct response_parser *parser, const struct response_options *options);

/* Takes from *bytes (moved forward, *length reduced) up to the next event. */
enum response_event response_next(struct response_parser *parser, const char **bytes,
                                  size_t *length, struct response_text *out_name,
                                  struct response_text *out_value)
    __attribute__((warn_unused_result));

/* The connection has ended. RESPONSE_DONE where the body lasts until then, else RESPONSE_FAILED. */
enum response_event response_end(struct response_parser *parser)
    __attribute__((warn_unused_result));

/* Field names compare without case. */
bool response_text_is(const struct response_text *text, const char *name);
