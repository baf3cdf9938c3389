/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tls: TLS 1.3 over bytes that somebody else moves. The only user of OpenSSL.
 *
 * A context belongs to one thread, so that nothing in it is contended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct tls_context;
struct tls_stream;
struct tls_ticket; /* what resumption needs */

struct tls_options {
    const char *ca_file; /* PEM; NULL: the system's certificates */
    bool insecure;       /* accept any certificate */
    bool small;          /* give buffers back between records: less memory, more time */
};

/* -ENOENT or -EINVAL with err when the CA file cannot be read. */
int tls_context_new(const struct tls_options *options, struct tls_context **out_context,
                    struct error *err) __attribute__((warn_unused_result));
struct tls_context *tls_context_free(struct tls_context *context);
DEFINE_CLEANUP(struct tls_context *, tls_context_free);

enum tls_result {
    TLS_OK,
    TLS_MORE,        /* needs more bytes from the peer */
    TLS_CLOSED,      /* the peer said that it has ended */
    TLS_BROKEN,      /* protocol failure or an alert; see tls_stream_reason() */
    TLS_CERTIFICATE, /* the peer is not who it should be */
};

/* A client connection to host (a name or an address, which the certificate must bear). *ticket
 * (NULL: no resumption) is offered and replaced by the newer ones that the peer sends; it must
 * outlive the stream. */
struct tls_stream *tls_stream_new(struct tls_context *context, const char *host,
                                  struct tls_ticket **ticket);
struct tls_stream *tls_stream_free(struct tls_stream *stream);

/* Bytes from the peer; they must stay until tls_handshake() or tls_read() returns TLS_MORE. */
void tls_feed(struct tls_stream *stream, const char *bytes, size_t length);
enum tls_result tls_handshake(struct tls_stream *stream);
enum tls_result tls_read(struct tls_stream *stream, char *bytes, size_t room, size_t *out_length);
enum tls_result tls_write(struct tls_stream *stream, const char *bytes, size_t length);
/* Bytes for the peer since the last call; valid until the next but one call that yields some. */
size_t tls_take_output(struct tls_stream *stream, const char **out_bytes);

bool tls_is_resumed(const struct tls_stream *stream);
#define TLS_REASON_BYTES 160
/* Why it is TLS_BROKEN or TLS_CERTIFICATE. Returns text. */
const char *tls_stream_reason(const struct tls_stream *stream, char text[TLS_REASON_BYTES]);

struct tls_ticket *tls_ticket_free(struct tls_ticket *ticket);
