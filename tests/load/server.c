/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static const char *const paths[SERVER_PATHS] = {
    "/ok",     "/chunked", "/close",     "/missing", "/reset",    "/early",    "/early-head",
    "/silent", "/drip",    "/malformed", "/extra",   "/big-head", "/big-body", "/big-file",
};

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct visit {
    struct server *server;
    int fd;
};

const char *server_path(enum server_path path)
{
    return paths[path];
}

/* False when the peer has gone. */
static bool say(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        left -= (size_t)sent;
    }
    return true;
}

static bool is_ending(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool ending = server->ending;
    pthread_mutex_unlock(&server->mutex);
    return ending;
}

/* Until the peer goes away or the server ends. */
static void wait_for_end(struct visit *visit)
{
    struct pollfd fd = {.fd = visit->fd, .events = POLLIN | POLLRDHUP};
    while (!is_ending(visit->server) && poll(&fd, 1, 20) == 0)
        ;
}

static void repeat(struct visit *visit, const char *text, uint64_t pause_ns)
{
    while (!is_ending(visit->server) && say(visit->fd, text))
        if (pause_ns)
            clock_sleep_ns(pause_ns);
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool say_big_file(int fd)
{
    enum { PORTION = 10000 };
    char text[PORTION + 1];
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
             SERVER_BIG_FILE_BYTES);
    bool good = say(fd, text);
    memset(text, 'z', PORTION);
    text[PORTION] = '\0';
    for (int sent = 0; good && sent < SERVER_BIG_FILE_BYTES; sent += PORTION)
        good = say(fd, text);
    return good;
}

/* Answers; true when the connection goes on. */
static bool answer(struct visit *visit, enum server_path path)
{
    int fd = visit->fd;
    switch (path) {
    case SERVER_OK:
        return say(fd, hello);
    case SERVER_CHUNKED:
        return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n") &&
               say(fd, "3\r\nllo\r\n0\r\n\r\n");
    case SERVER_CLOSE:
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
        return false;
    case SERVER_MISSING:
        return say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n");
    case SERVER_RESET:
        reset(fd);
        return false;
    case SERVER_EARLY:
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
        return false;
    case SERVER_EARLY_HEAD:
        say(fd, "HTTP/1.1 200 OK\r\nContent-Le");
        return false;
    case SERVER_DRIP:
        say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        repeat(visit, ".", 20 * NS_PER_MS);
        return false;
    case SERVER_MALFORMED:
        say(fd, "220 mail.example.org ESMTP\r\n");
        wait_for_end(visit);
        return false;
    case SERVER_EXTRA:
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more");
        wait_for_end(visit);
        return false;
    case SERVER_BIG_HEAD:
        say(fd, "HTTP/1.1 200 OK\r\n");
        repeat(visit, "Set-Cookie: a=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", 0);
        return false;
    case SERVER_BIG_BODY:
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        repeat(visit, "28\r\nzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n", 0);
        return false;
    case SERVER_BIG_FILE:
        return say_big_file(fd);
    default:
        wait_for_end(visit);
        return false;
    }
}

/* Reads up to the end of the next head. */
static bool read_request(struct visit *visit, char *text, size_t room)
{
    size_t length = 0;
    for (;;) {
        struct pollfd fd = {.fd = visit->fd, .events = POLLIN};
        if (is_ending(visit->server))
            return false;
        if (poll(&fd, 1, 20) <= 0)
            continue;
        ssize_t got = recv(visit->fd, text + length, room - 1 - length, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text, "\r\n\r\n"))
            return true;
    }
}

static enum server_path find_path(const char *request)
{
    const char *at = strchr(request, ' ');
    for (int i = 0; at && i < SERVER_PATHS; i++) {
        size_t length = strlen(paths[i]);
        if (strncmp(at + 1, paths[i], length) == 0 && at[1 + length] == ' ')
            return (enum server_path)i;
    }
    abort(); /* a test asks for what there is */
}

static void note(struct server *server, enum server_path path)
{
    pthread_mutex_lock(&server->mutex);
    server->asked[path]++;
    server->answered_bytes += path == SERVER_OK ? sizeof(hello) - 1 : 0;
    while (server->frozen && !server->ending)
        pthread_cond_wait(&server->changed, &server->mutex);
    uint64_t service_ns = server->service_ns;
    pthread_mutex_unlock(&server->mutex);
    if (service_ns)
        clock_sleep_ns(service_ns);
}

static void *serve(void *context)
{
    struct visit visit = *(struct visit *)context;
    free(context);
    char request[8192];
    bool more = true;
    while (more && read_request(&visit, request, sizeof(request))) {
        enum server_path path = find_path(request);
        note(visit.server, path);
        more = answer(&visit, path);
    }
    close(visit.fd);
    pthread_mutex_lock(&visit.server->mutex);
    visit.server->live--;
    pthread_cond_broadcast(&visit.server->changed);
    pthread_mutex_unlock(&visit.server->mutex);
    return NULL;
}

static void take_visit(struct server *server, int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct visit *visit = mem_alloc(sizeof(*visit));
    *visit = (struct visit){server, fd};
    pthread_mutex_lock(&server->mutex);
    server->live++;
    pthread_mutex_unlock(&server->mutex);
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, serve, visit) != 0)
        abort();
    pthread_attr_destroy(&attributes);
}

static void *run_server(void *context)
{
    struct server *server = context;
    while (!is_ending(server)) {
        struct pollfd ready = {.fd = server->fd, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0)
            continue;
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            take_visit(server, fd);
    }
    return NULL;
}

void server_start(struct server *server)
{
    *server = (struct server){0};
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, length) < 0 ||
        listen(server->fd, 1024) < 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &length) < 0 ||
        pthread_create(&server->thread, NULL, run_server, server) != 0)
        abort();
    server->port = ntohs(address.sin_port);
}

void server_stop(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->ending = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->thread, NULL);
    pthread_mutex_lock(&server->mutex);
    while (server->live > 0)
        pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    close(server->fd);
}

uint64_t server_asked(struct server *server, enum server_path path)
{
    pthread_mutex_lock(&server->mutex);
    uint64_t asked = server->asked[path];
    pthread_mutex_unlock(&server->mutex);
    return asked;
}

static void set_frozen(struct server *server, bool frozen)
{
    pthread_mutex_lock(&server->mutex);
    server->frozen = frozen;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

uint64_t server_freeze(struct server *server, uint64_t duration_ns)
{
    set_frozen(server, true);
    uint64_t from_ns = clock_monotonic_ns();
    while (clock_monotonic_ns() < from_ns + duration_ns)
        clock_sleep_ns(from_ns + duration_ns - clock_monotonic_ns());
    uint64_t to_ns = clock_monotonic_ns();
    set_frozen(server, false);
    return to_ns - from_ns;
}
