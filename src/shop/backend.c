/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "shop/address.h"

#define IDLE_MAX 256 /* connections kept; more are closed after use */

struct backend {
    struct shop_address address;
    uint64_t timeout_ns;
    pthread_mutex_t lock; /* of what follows */
    int idle[IDLE_MAX];
    size_t idle_count;
};

int backend_open(const char *address, uint64_t timeout_ns, struct backend **out_backend)
{
    struct shop_address parsed;
    if (!shop_address_parse(address, &parsed))
        return -EINVAL;
    struct backend *backend = mem_zalloc(sizeof(*backend));
    backend->address = parsed;
    backend->timeout_ns = timeout_ns;
    pthread_mutex_init(&backend->lock, NULL);
    *out_backend = backend;
    return 0;
}

/* The connection used last, so that no more stay open than are needed at once; -1: none. */
static int take_idle(struct backend *backend)
{
    pthread_mutex_lock(&backend->lock);
    int fd = backend->idle_count ? backend->idle[--backend->idle_count] : -1;
    pthread_mutex_unlock(&backend->lock);
    return fd;
}

static void give_back(struct backend *backend, int fd)
{
    pthread_mutex_lock(&backend->lock);
    bool kept = backend->idle_count < IDLE_MAX;
    if (kept)
        backend->idle[backend->idle_count++] = fd;
    pthread_mutex_unlock(&backend->lock);
    if (!kept)
        close(fd);
}

static int connect_new(const struct backend *backend)
{
    struct timeval timeout = {(time_t)(backend->timeout_ns / 1000000000),
                              (suseconds_t)(backend->timeout_ns / 1000 % 1000000)};
    CLEANUP_FD int fd =
        socket(backend->address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int on = 1;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
        connect(fd, (const struct sockaddr *)&backend->address.storage, backend->address.length) <
            0)
        return errno == EAGAIN || errno == EINPROGRESS ? -ETIMEDOUT : -errno;
    return TAKE_FD(fd);
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

/* -ECONNRESET when the other side closed before the first byte: it may be asked anew. */
static int receive(int fd, char *bytes, struct answer_text *out_body, bool *out_close)
{
    size_t length = 0, used = 0;
    for (;;) {
        ssize_t got = recv(fd, bytes + length, ANSWER_HTTP_MAX - length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (got == 0)
            return length == 0 ? -ECONNRESET : -EPROTO;
        length += (size_t)got;
        int whole = answer_http_parse(bytes, length, out_body, &used, out_close);
        if (whole > 0)
            return used == length ? 0 : -EPROTO;
        if (whole < 0 || length == ANSWER_HTTP_MAX)
            return -EPROTO;
    }
}

static int exchange_on(struct backend *backend, int fd, const char *request, size_t length,
                       char *bytes, struct answer_text *out_body)
{
    bool must_close = false;
    int rc = send_all(fd, request, length);
    if (rc == 0)
        rc = receive(fd, bytes, out_body, &must_close);
    if (rc == 0 && !must_close)
        give_back(backend, fd);
    else
        close(fd);
    return rc;
}

int backend_exchange(struct backend *backend, const char *request, size_t length,
                     char bytes[ANSWER_HTTP_MAX], struct answer *out_answer)
{
    struct answer_text body = {0};
    int rc = -ECONNRESET;
    int fd = take_idle(backend);
    if (fd >= 0)
        rc = exchange_on(backend, fd, request, length, bytes, &body);
    /* A kept connection may have been closed meanwhile; questions change nothing, so ask again. */
    if (rc == -ECONNRESET || rc == -EPIPE) {
        fd = connect_new(backend);
        if (fd < 0)
            return fd;
        rc = exchange_on(backend, fd, request, length, bytes, &body);
    }
    if (rc < 0)
        return rc;
    return answer_parse(body.text, body.length, out_answer) ? 0 : -EPROTO;
}

int backend_ask(struct backend *backend, const struct shop_query *query,
                char bytes[ANSWER_HTTP_MAX], struct answer *out_answer)
{
    char request[ANSWER_TARGET_MAX + 64];
    size_t length = answer_request_format(query, request, sizeof(request));
    return backend_exchange(backend, request, length, bytes, out_answer);
}

struct backend *backend_close(struct backend *backend)
{
    if (!backend)
        return NULL;
    for (size_t i = 0; i < backend->idle_count; i++)
        close(backend->idle[i]);
    pthread_mutex_destroy(&backend->lock);
    free(backend);
    return NULL;
}
