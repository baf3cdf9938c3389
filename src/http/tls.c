/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *method;
};

struct output {
    char *bytes;
    size_t length;
    size_t capacity;
};

/* Output grows with the largest flight or request and is then reused. There are two, by turns: the
 * handshake's last message needs no answer, so a request may follow while it is still to be sent.
 */
struct tls_stream {
    SSL *ssl;
    struct tls_ticket **ticket;
    const char *input;
    size_t input_length;
    struct output outputs[2];
    unsigned turn;        /* the one that is filled */
    unsigned long broken; /* OpenSSL's error code */
};

static int bio_read(BIO *bio, char *bytes, int room)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (stream->input_length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = stream->input_length < (size_t)room ? stream->input_length : (size_t)room;
    memcpy(bytes, stream->input, taken);
    stream->input += taken;
    stream->input_length -= taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    struct tls_stream *stream = BIO_get_data(bio);
    struct output *output = &stream->outputs[stream->turn];
    size_t needed = output->length + (size_t)length;
    if (needed > output->capacity) {
        output->capacity = needed + 512;
        output->bytes = mem_resize_array(output->bytes, output->capacity, 1);
    }
    memcpy(output->bytes + output->length, bytes, (size_t)length);
    output->length = needed;
    return length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* OpenSSL hands the reference over when this returns 1. */
static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct tls_stream *stream = SSL_get_app_data(ssl);
    if (!stream->ticket)
        return 0;
    tls_ticket_free(*stream->ticket);
    *stream->ticket = (struct tls_ticket *)session;
    return 1;
}

struct tls_ticket *tls_ticket_free(struct tls_ticket *ticket)
{
    SSL_SESSION_free((SSL_SESSION *)ticket);
    return NULL;
}

static int load_authorities(SSL_CTX *ssl, const struct tls_options *options, struct error *err)
{
    SSL_CTX_set_verify(ssl, options->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (options->insecure)
        return 0;
    if (!options->ca_file) {
        SSL_CTX_set_default_verify_paths(ssl);
        return 0;
    }
    FILE *stream = fopen(options->ca_file, "re");
    if (!stream)
        return error_set_errno(err, ERROR_USAGE, -errno, "read CA file '%s'", options->ca_file);
    fclose(stream);
    if (SSL_CTX_load_verify_locations(ssl, options->ca_file, NULL) != 1)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "read CA file '%s': it holds no certificate in PEM form",
                         options->ca_file);
    return 0;
}

int tls_context_new(const struct tls_options *options, struct tls_context **out_context,
                    struct error *err)
{
    CLEANUP(tls_context_free_cleanup) struct tls_context *context = mem_zalloc(sizeof(*context));
    context->ssl = SSL_CTX_new(TLS_client_method());
    context->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loop");
    if (!context->ssl || !context->method)
        return error_set(err, ERROR_INTERNAL, -ENOMEM, "start OpenSSL");
    BIO_meth_set_read(context->method, bio_read);
    BIO_meth_set_write(context->method, bio_write);
    BIO_meth_set_ctrl(context->method, bio_control);
    BIO_meth_set_create(context->method, bio_create);
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_3_VERSION);
    SSL_CTX_set_read_ahead(context->ssl, 1);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    if (options->small)
        SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, keep_ticket);
    int rc = load_authorities(context->ssl, options, err);
    if (rc < 0)
        return rc;
    *out_context = TAKE_PTR(context);
    return 0;
}

struct tls_context *tls_context_free(struct tls_context *context)
{
    if (!context)
        return NULL;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    free(context);
    return NULL;
}

static void expect_host(SSL *ssl, const char *host)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
        return;
    }
    SSL_set_tlsext_host_name(ssl, host);
    SSL_set1_host(ssl, host);
}

struct tls_stream *tls_stream_new(struct tls_context *context, const char *host,
                                  struct tls_ticket **ticket)
{
    struct tls_stream *stream = mem_zalloc(sizeof(*stream));
    stream->ticket = ticket;
    stream->ssl = SSL_new(context->ssl);
    BIO *bio = BIO_new(context->method);
    if (!stream->ssl || !bio)
        abort(); /* out of memory, as in mem.h */
    BIO_set_data(bio, stream);
    SSL_set_bio(stream->ssl, bio, bio);
    SSL_set_app_data(stream->ssl, stream);
    SSL_set_connect_state(stream->ssl);
    expect_host(stream->ssl, host);
    if (ticket && *ticket)
        SSL_set_session(stream->ssl, (SSL_SESSION *)*ticket);
    return stream;
}

struct tls_stream *tls_stream_free(struct tls_stream *stream)
{
    if (!stream)
        return NULL;
    SSL_free(stream->ssl);
    free(stream->outputs[0].bytes);
    free(stream->outputs[1].bytes);
    free(stream);
    return NULL;
}

void tls_feed(struct tls_stream *stream, const char *bytes, size_t length)
{
    stream->input = bytes;
    stream->input_length = length;
}

static enum tls_result result_of(struct tls_stream *stream, int rc)
{
    switch (SSL_get_error(stream->ssl, rc)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        stream->broken = ERR_peek_error();
        return SSL_get_verify_result(stream->ssl) != X509_V_OK &&
                       SSL_get_verify_mode(stream->ssl) != SSL_VERIFY_NONE
                   ? TLS_CERTIFICATE
                   : TLS_BROKEN;
    }
}

enum tls_result tls_handshake(struct tls_stream *stream)
{
    ERR_clear_error();
    return result_of(stream, SSL_do_handshake(stream->ssl));
}

enum tls_result tls_read(struct tls_stream *stream, char *bytes, size_t room, size_t *out_length)
{
    ERR_clear_error();
    size_t length = 0;
    int rc = SSL_read_ex(stream->ssl, bytes, room, &length);
    enum tls_result result = result_of(stream, rc);
    if (result == TLS_OK)
        *out_length = length;
    return result;
}

enum tls_result tls_write(struct tls_stream *stream, const char *bytes, size_t length)
{
    ERR_clear_error();
    while (length > 0) {
        size_t written = 0;
        int rc = SSL_write_ex(stream->ssl, bytes, length, &written);
        if (rc != 1)
            return result_of(stream, rc);
        bytes += written;
        length -= written;
    }
    return TLS_OK;
}

size_t tls_take_output(struct tls_stream *stream, const char **out_bytes)
{
    struct output *output = &stream->outputs[stream->turn];
    size_t length = output->length;
    *out_bytes = output->bytes;
    output->length = 0;
    if (length > 0)
        stream->turn ^= 1;
    return length;
}

bool tls_is_resumed(const struct tls_stream *stream)
{
    return SSL_session_reused(stream->ssl) == 1;
}

const char *tls_stream_reason(const struct tls_stream *stream, char text[TLS_REASON_BYTES])
{
    long verify = SSL_get_verify_result(stream->ssl);
    const char *reason = ERR_reason_error_string(stream->broken);
    if (verify != X509_V_OK)
        snprintf(text, TLS_REASON_BYTES, "%s", X509_verify_cert_error_string(verify));
    else
        snprintf(text, TLS_REASON_BYTES, "%s", reason ? reason : "the peer broke off");
    return text;
}
