/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/besim.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "shop/address.h"
#include "shop/answer.h"

#define EVENTS_MAX 128
#define REQUEST_MAX 2048
#define CONNECTIONS_MAX 20000
#define BACKLOG 4096

struct connection {
    struct connection *next; /* in besim->open */
    struct connection **link;
    int fd;
    bool closing; /* nothing more is read; closed once what is left is sent */
    size_t in_length;
    size_t out_at;
    size_t out_length;
    char in[REQUEST_MAX];
    char out[2 * ANSWER_HTTP_MAX];
};

struct besim {
    int listen_fd;
    int epoll_fd;
    int wake_fd;
    uint16_t port;
    bool is_reset;
    struct shop_world world;
    struct connection *open;
    size_t open_count;
    struct besim_usage usage;
    uint64_t reset_at_ns;
    uint64_t reset_at_cpu_ns;
};

static uint64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void restart_usage(struct besim *besim)
{
    besim->usage = (struct besim_usage){0};
    besim->reset_at_ns = clock_monotonic_ns();
    besim->reset_at_cpu_ns = thread_cpu_ns();
}

static void connection_close(struct besim *besim, struct connection *connection)
{
    /* Closing alone does not end the events while a child that is being started has a copy. */
    epoll_ctl(besim->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    besim->open_count--;
    free(connection);
}

static int watch(struct besim *besim, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return epoll_ctl(besim->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void connection_open(struct besim *besim, int fd)
{
    int on = 1;
    if (besim->open_count == CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct connection *connection = mem_alloc(sizeof(*connection));
    *connection = (struct connection){.next = besim->open, .link = &besim->open, .fd = fd};
    if (besim->open)
        besim->open->link = &connection->next;
    besim->open = connection;
    besim->open_count++;
    besim->usage.connections++;
    if (watch(besim, fd, connection) < 0)
        connection_close(besim, connection);
}

static void accept_all(struct besim *besim)
{
    for (;;) {
        int fd = accept4(besim->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        connection_open(besim, fd);
    }
}

/* Puts one answer after those that wait to be sent; the caller has checked that there is room. */
static void append_answer(struct connection *connection, const char *status, const char *body,
                          size_t body_length)
{
    char *at = connection->out + connection->out_length;
    size_t room = sizeof(connection->out) - connection->out_length;
    int head = snprintf(at, room,
                        "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n%s\r\n",
                        status, body_length, connection->closing ? "Connection: close\r\n" : "");
    memcpy(at + head, body, body_length);
    connection->out_length += (size_t)head + body_length;
}

struct besim_usage besim_usage(const struct besim *besim)
{
    struct besim_usage usage = besim->usage;
    usage.elapsed_ns = clock_monotonic_ns() - besim->reset_at_ns;
    usage.cpu_ns = thread_cpu_ns() - besim->reset_at_cpu_ns;
    return usage;
}

static size_t compose_usage(const struct besim *besim, char body[ANSWER_BODY_MAX])
{
    char fields[512];
    struct besim_usage usage = besim_usage(besim);
    snprintf(fields, sizeof(fields),
             "requests;%" PRIu64 "&refused;%" PRIu64 "&connections;%" PRIu64 "&elapsed_ns;%" PRIu64
             "&busy_ns;%" PRIu64 "&cpu_ns;%" PRIu64,
             usage.requests, usage.refused, usage.connections, usage.elapsed_ns, usage.busy_ns,
             usage.cpu_ns);
    return answer_compose_fields(fields, body);
}

static size_t reset(struct besim *besim, const struct answer_request *request,
                    char body[ANSWER_BODY_MAX])
{
    if (shop_world_measure(&besim->world, request->seed, request->sessions,
                           request->directories_per_session) < 0)
        return 0;
    besim->is_reset = true;
    restart_usage(besim);
    return answer_compose_fields("reset", body);
}

static size_t compose(struct besim *besim, const struct answer_request *request,
                      char body[ANSWER_BODY_MAX])
{
    size_t length = 0;
    switch (request->kind) {
    case ANSWER_STAT:
        return compose_usage(besim, body);
    case ANSWER_RESET:
        length = reset(besim, request, body);
        break;
    case ANSWER_PAGE:
        if (!besim->is_reset) {
            besim->usage.refused++;
            return answer_compose_refusal(1, body);
        }
        length = answer_compose(&besim->world, &request->query, body);
        besim->usage.requests += length > 0;
        break;
    }
    if (length > 0)
        return length;
    besim->usage.refused++;
    return answer_compose_refusal(2, body);
}

static bool wants_close(const char *head, size_t length)
{
    static const char name[] = "\r\nconnection:";
    for (size_t i = 0; i + sizeof(name) + 5 <= length; i++)
        if (head[i] == '\r' && strncasecmp(head + i, name, sizeof(name) - 1) == 0)
            return memmem(head + i, length - i, "close", 5) != NULL;
    return false;
}

/* One whole request head. */
static void answer_head(struct besim *besim, struct connection *connection, const char *head,
                        size_t length)
{
    static const char method[] = "GET ", protocol[] = " HTTP/1.1";
    char body[ANSWER_BODY_MAX];
    struct answer_request request;
    const char *line_end = memmem(head, length, "\r\n", 2);
    const char *target = head + sizeof(method) - 1;
    bool good = (size_t)(line_end - head) > sizeof(method) + sizeof(protocol) &&
                memcmp(head, method, sizeof(method) - 1) == 0 &&
                memcmp(line_end - (sizeof(protocol) - 1), protocol, sizeof(protocol) - 1) == 0;
    size_t target_length = good ? (size_t)(line_end - (sizeof(protocol) - 1) - target) : 0;
    if (!good || !answer_request_parse(target, target_length, &request)) {
        besim->usage.refused++;
        connection->closing = true;
        append_answer(connection, "400 Bad Request", body, answer_compose_refusal(3, body));
        return;
    }
    connection->closing = wants_close(head, length);
    append_answer(connection, "200 OK", body, compose(besim, &request, body));
}

/* Answers the requests that are whole, as long as there is room for an answer. */
static void answer_requests(struct besim *besim, struct connection *connection)
{
    size_t at = 0;
    while (!connection->closing &&
           sizeof(connection->out) - connection->out_length >= ANSWER_HTTP_MAX) {
        const char *head = connection->in + at;
        const char *end = memmem(head, connection->in_length - at, "\r\n\r\n", 4);
        if (!end)
            break;
        size_t length = (size_t)(end - head) + 4;
        answer_head(besim, connection, head, length);
        at += length;
    }
    if (at == 0 && connection->in_length == sizeof(connection->in) && connection->out_length == 0) {
        besim->usage.refused++;
        connection->closing = true; /* a head without end; no answer is owed */
    }
    connection->in_length -= at;
    memmove(connection->in, connection->in + at, connection->in_length);
}

/* -1: the connection is of no use any more. */
static int send_answers(struct connection *connection)
{
    while (connection->out_at < connection->out_length) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_at,
                            connection->out_length - connection->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : -1;
        connection->out_at += (size_t)sent;
    }
    connection->out_at = connection->out_length = 0;
    return 0;
}

static void wait_for(struct besim *besim, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(besim->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

/* false: nothing can be read now. */
static bool read_more(struct connection *connection, bool *out_ended)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_length,
                       sizeof(connection->in) - connection->in_length, 0);
    *out_ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got > 0)
        connection->in_length += (size_t)got;
    return got > 0;
}

static void serve(struct besim *besim, struct connection *connection, uint32_t events)
{
    bool was_blocked = connection->out_length > 0, ended = false;
    if (events & (EPOLLERR | EPOLLHUP)) {
        connection_close(besim, connection);
        return;
    }
    if (!was_blocked && !connection->closing)
        read_more(connection, &ended);
    do {
        answer_requests(besim, connection);
        if (send_answers(connection) < 0 ||
            (connection->out_length == 0 && (ended || connection->closing))) {
            connection_close(besim, connection);
            return;
        }
    } while (connection->out_length == 0 &&
             memmem(connection->in, connection->in_length, "\r\n\r\n", 4));
    if (connection->out_length > 0 && !was_blocked)
        wait_for(besim, connection, EPOLLOUT);
    if (connection->out_length == 0 && was_blocked)
        wait_for(besim, connection, EPOLLIN);
}

static int listen_at(const char *address, struct besim *besim, struct error *err)
{
    struct shop_address parsed;
    int on = 1;
    if (!shop_address_parse(address, &parsed))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "start the back-end simulator: '%s' is not a numeric ADDRESS:PORT",
                         address);
    besim->listen_fd =
        socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (besim->listen_fd < 0 ||
        setsockopt(besim->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(besim->listen_fd, (struct sockaddr *)&parsed.storage, parsed.length) < 0 ||
        listen(besim->listen_fd, BACKLOG) < 0 ||
        getsockname(besim->listen_fd, (struct sockaddr *)&parsed.storage, &parsed.length) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                               "start the back-end simulator: listen at '%s'", address);
    /* The port is at the same place in both address families. */
    besim->port = ntohs(((struct sockaddr_in *)&parsed.storage)->sin_port);
    return 0;
}

int besim_open(const char *address, struct besim **out_besim, struct error *err)
{
    CLEANUP(besim_close_cleanup) struct besim *besim = mem_zalloc(sizeof(*besim));
    besim->listen_fd = besim->epoll_fd = besim->wake_fd = -1;
    int rc = listen_at(address, besim, err);
    if (rc < 0)
        return rc;
    besim->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    besim->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (besim->epoll_fd < 0 || besim->wake_fd < 0 ||
        watch(besim, besim->listen_fd, &besim->listen_fd) < 0 ||
        watch(besim, besim->wake_fd, &besim->wake_fd) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                               "start the back-end simulator: set up epoll");
    *out_besim = TAKE_PTR(besim);
    return 0;
}

uint16_t besim_port(const struct besim *besim)
{
    return besim->port;
}

void besim_stop(struct besim *besim)
{
    uint64_t one = 1;
    ssize_t written = write(besim->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when it is already readable */
}

int besim_run(struct besim *besim, int stop_fd, struct error *err)
{
    struct epoll_event events[EVENTS_MAX];
    if (stop_fd >= 0 && watch(besim, stop_fd, &besim->wake_fd) < 0)
        return error_set_errno(err, ERROR_INTERNAL, -errno, "run the back-end simulator");
    restart_usage(besim);
    for (;;) {
        int count = epoll_wait(besim->epoll_fd, events, EVENTS_MAX, -1);
        uint64_t began_ns = clock_monotonic_ns();
        if (count < 0 && errno != EINTR)
            return error_set_errno(err, ERROR_INTERNAL, -errno, "run the back-end simulator");
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &besim->wake_fd)
                return 0;
            if (events[i].data.ptr == &besim->listen_fd)
                accept_all(besim);
            else
                serve(besim, events[i].data.ptr, events[i].events);
        }
        uint64_t now_ns = clock_monotonic_ns();
        /* A reset in this round begins anew. */
        besim->usage.busy_ns +=
            now_ns - (began_ns > besim->reset_at_ns ? began_ns : besim->reset_at_ns);
    }
}

struct besim *besim_close(struct besim *besim)
{
    if (!besim)
        return NULL;
    while (besim->open)
        connection_close(besim, besim->open);
    fd_cleanup(&besim->wake_fd);
    fd_cleanup(&besim->epoll_fd);
    fd_cleanup(&besim->listen_fd);
    free(besim);
    return NULL;
}
