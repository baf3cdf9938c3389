/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/loop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "http/loop-internal.h"

/* io_uring saves system calls by batching what many connections do; fewer than these have nothing
 * to batch, and epoll is faster (measured: bench/load.py). */
#define URING_SLOTS_MIN 32

int loop_new(const struct loop_options *options, struct loop **out_loop, struct error *err)
{
    bool few = options->kind == LOOP_AUTO && options->slots < URING_SLOTS_MIN;
    if (options->kind == LOOP_EPOLL || few)
        return loop_epoll_new(options, out_loop, err);
    struct error why = {0};
    int rc = loop_uring_new(options, out_loop, &why);
    if (rc == 0)
        return 0;
    if (options->kind == LOOP_AUTO) {
        log_debug("%s; going on with epoll", why.text);
        return loop_epoll_new(options, out_loop, err);
    }
    return error_set(err, why.kind, rc, "%s", why.text);
}

const char *loop_name(const struct loop *loop)
{
    return loop->ops->name;
}

int loop_connect(struct loop *loop, uint32_t slot, const struct loop_target *target)
{
    return loop->ops->connect(loop, slot, target);
}

void loop_send(struct loop *loop, uint32_t slot, const char *bytes, size_t length,
               uint64_t *out_sent_ns)
{
    loop->ops->send(loop, slot, bytes, length, out_sent_ns);
}

void loop_receive(struct loop *loop, uint32_t slot, size_t most_bytes)
{
    loop->ops->receive(loop, slot, most_bytes);
}

void loop_close(struct loop *loop, uint32_t slot)
{
    loop->ops->close(loop, slot);
}

int loop_run(struct loop *loop, uint64_t until_ns)
{
    return loop->ops->run(loop, until_ns);
}

uint64_t loop_now_ns(const struct loop *loop)
{
    return loop->now_ns;
}

struct loop *loop_free(struct loop *loop)
{
    if (loop)
        loop->ops->free(loop);
    return NULL;
}

socklen_t loop_address_bytes(const union loop_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

int loop_open_socket(const struct loop_target *target, int flags)
{
    CLEANUP_FD int fd =
        socket(target->remote.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (target->receive_buffer_bytes > 0) {
        int bytes = (int)target->receive_buffer_bytes;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    if (target->local.any.sa_family != 0) {
        /* The port is chosen at connect(), where one may serve several destinations. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (bind(fd, &target->local.any, loop_address_bytes(&target->local)) < 0)
            return -errno;
    }
    return TAKE_FD(fd);
}
