/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/namespace.h"

/* While a guest boots, a lost SYN must not cost a retransmission time-out of a second. */
#define CONNECT_NS (500 * NS_PER_MS)
#define PAUSE_NS (100 * NS_PER_MS)
/* A forwarded port accepts before anyone listens behind it; a slow guest takes its time, so the
 * wait for the first word grows. A guest that is emulated in an emulated server needs half a minute
 * to start the process that says it. */
#define BANNER_FIRST_NS (1500 * NS_PER_MS)
#define BANNER_MAX_NS (60 * NS_PER_S)

static int parse_address(const struct channel_options *options, struct sockaddr_storage *out,
                         socklen_t *out_length)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port ?: 22)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port ?: 22)};
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, options->address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
        *out_length = sizeof(v4);
        return 0;
    }
    if (inet_pton(AF_INET6, options->address, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof(v6));
        *out_length = sizeof(v6);
        return 0;
    }
    return -EINVAL;
}

static int wait_for(int fd, short events, uint64_t wait_ns)
{
    uint64_t deadline_ns = clock_monotonic_ns() + wait_ns;
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        if (interrupt_requested())
            return -EINTR;
        if (now_ns >= deadline_ns)
            return -ETIMEDOUT;
        uint64_t left_ms = (deadline_ns - now_ns) / NS_PER_MS + 1;
        struct pollfd ready = {.fd = fd, .events = events};
        if (poll(&ready, 1, left_ms < 100 ? (int)left_ms : 100) > 0)
            return 0;
    }
}

/* One attempt. */
static int connect_once(int namespace_fd, const struct sockaddr_storage *to, socklen_t length,
                        uint64_t banner_ns)
{
    CLEANUP_FD int fd =
        namespace_socket(namespace_fd, to->ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)to, length) < 0 && errno != EINPROGRESS)
        return -errno;
    int rc = wait_for(fd, POLLOUT, CONNECT_NS);
    int failure = 0;
    socklen_t failure_length = sizeof(failure);
    if (rc >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &failure_length) < 0)
        rc = -errno;
    if (rc < 0 || failure)
        return rc < 0 ? rc : -failure;
    rc = wait_for(fd, POLLIN, banner_ns);
    char first;
    if (rc >= 0 && recv(fd, &first, 1, MSG_PEEK) != 1)
        rc = -ECONNRESET;
    return rc < 0 ? rc : TAKE_FD(fd);
}

int connect_until_banner(const struct channel_options *options, struct error *err)
{
    struct sockaddr_storage to;
    socklen_t length;
    if (parse_address(options, &to, &length) < 0)
        return error_set(err, ERROR_INTERNAL, -EINVAL, "connect: '%s' is no numeric address",
                         options->address);
    uint64_t banner_ns = BANNER_FIRST_NS;
    for (;;) {
        int fd = connect_once(options->network_namespace_fd, &to, length, banner_ns);
        if (fd >= 0)
            return fd;
        int rc = interrupt_check(err);
        if (rc >= 0 && options->alive)
            rc = options->alive(options->alive_context, err);
        if (rc < 0)
            return rc;
        if (clock_monotonic_ns() >= options->deadline_ns)
            return error_set(err, ERROR_FAILED, -ETIMEDOUT,
                             "machine at '%s': its SSH server does not answer in time (last try: "
                             "%s)",
                             options->address, strerror(-fd));
        clock_sleep_ns(PAUSE_NS);
        banner_ns = banner_ns * 2 < BANNER_MAX_NS ? banner_ns * 2 : BANNER_MAX_NS;
    }
}
