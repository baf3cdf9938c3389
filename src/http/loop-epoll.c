/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop over epoll, edge-triggered: one registration for the life of a connection, sends and
 * receives at once, and a wait only where there is nothing to do.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "http/loop-internal.h"

enum { EVENTS_AT_ONCE = 256, READ_BYTES = 4 * LOOP_BUFFER_BYTES };

struct epoll_slot {
    int fd; /* -1: closed */
    uint32_t generation;
    bool connecting;
    bool paced;
    bool readable;    /* there may be bytes that have not been asked for */
    bool asked;       /* is in the loop's list of that name */
    size_t wanted;    /* by loop_receive() */
    const char *rest; /* of a send that the socket did not take whole */
    size_t rest_length;
};

struct epoll_loop {
    struct loop loop;
    int fd;
    struct epoll_event events[EVENTS_AT_ONCE];
    struct epoll_slot *slots;
    uint32_t *asked; /* readable slots for which loop_receive() was called since the last run */
    uint32_t *asked_now;
    uint32_t asked_count;
    char *buffer;
};

static int connect_slot(struct loop *base, uint32_t number, const struct loop_target *target)
{
    struct epoll_loop *loop = (struct epoll_loop *)base;
    struct epoll_slot *slot = &loop->slots[number];
    CLEANUP_FD int fd = loop_open_socket(target, SOCK_NONBLOCK);
    if (fd < 0)
        return TAKE_FD(fd);
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = (uint64_t)slot->generation << 32 | number,
    };
    /* Registered after connect() has begun: before it, epoll reports a hang-up. */
    if (connect(fd, &target->remote.any, loop_address_bytes(&target->remote)) < 0 &&
        errno != EINPROGRESS)
        return -errno;
    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    slot->fd = TAKE_FD(fd);
    slot->connecting = true;
    slot->paced = target->paced;
    slot->readable = false;
    slot->wanted = 0;
    slot->rest_length = 0;
    return 0;
}

static void close_slot(struct loop *base, uint32_t number)
{
    struct epoll_slot *slot = &((struct epoll_loop *)base)->slots[number];
    if (slot->fd < 0)
        return;
    close(slot->fd);
    slot->fd = -1;
    slot->generation++;
}

/* An error of send() shows as an event on the socket as well, so it is left to that. */
static void send_rest(struct epoll_slot *slot)
{
    while (slot->rest_length > 0) {
        ssize_t sent = send(slot->fd, slot->rest, slot->rest_length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return;
        slot->rest += sent;
        slot->rest_length -= (size_t)sent;
    }
}

static void send_slot(struct loop *base, uint32_t number, const char *bytes, size_t length,
                      uint64_t *out_sent_ns)
{
    struct epoll_slot *slot = &((struct epoll_loop *)base)->slots[number];
    if (out_sent_ns)
        *out_sent_ns = clock_monotonic_ns();
    slot->rest = bytes;
    slot->rest_length = length;
    send_rest(slot);
}

/* One read. False when there is nothing more to be had from this slot now. */
static bool receive_once(struct epoll_loop *loop, uint32_t number, size_t most)
{
    struct epoll_slot *slot = &loop->slots[number];
    const struct loop_handler *handler = loop->loop.handler;
    size_t room = most < READ_BYTES ? most : READ_BYTES;
    ssize_t got = recv(slot->fd, loop->buffer, room, 0);
    if (got > 0) {
        handler->received(loop->loop.context, number, loop->buffer, (size_t)got);
        return (size_t)got == room;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        slot->readable = errno == EINTR;
        return slot->readable;
    }
    slot->readable = false;
    handler->ended(loop->loop.context, number, got < 0 ? -errno : 0);
    return false;
}

/* A full buffer means that there may be more, and a hang-up that the end of file is still to come.
 */
static void receive_all(struct epoll_loop *loop, uint32_t number, bool hung_up)
{
    struct epoll_slot *slot = &loop->slots[number];
    uint32_t generation = slot->generation;
    bool more = true;
    while (slot->fd >= 0 && slot->generation == generation && more)
        more = receive_once(loop, number, READ_BYTES) || (hung_up && slot->readable);
}

static void receive_wanted(struct epoll_loop *loop, uint32_t number)
{
    struct epoll_slot *slot = &loop->slots[number];
    size_t most = slot->wanted;
    uint32_t generation = slot->generation;
    if (most == 0 || !slot->readable)
        return;
    slot->wanted = 0;
    receive_once(loop, number, most);
    if (slot->fd >= 0 && slot->generation == generation && !slot->readable && slot->wanted == 0)
        slot->wanted = most; /* nothing was there: the wish stands */
}

static void receive_slot(struct loop *base, uint32_t number, size_t most_bytes)
{
    struct epoll_loop *loop = (struct epoll_loop *)base;
    struct epoll_slot *slot = &loop->slots[number];
    slot->wanted = most_bytes;
    if (!slot->readable || slot->asked)
        return;
    slot->asked = true;
    loop->asked[loop->asked_count++] = number;
}

static void finish_connect(struct epoll_loop *loop, uint32_t number)
{
    struct epoll_slot *slot = &loop->slots[number];
    int code = 0;
    socklen_t bytes = sizeof(code);
    if (getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &code, &bytes) < 0)
        code = errno;
    slot->connecting = false;
    if (code)
        loop->loop.handler->ended(loop->loop.context, number, -code);
    else
        loop->loop.handler->connected(loop->loop.context, number);
}

static void handle_event(struct epoll_loop *loop, const struct epoll_event *event)
{
    uint32_t number = (uint32_t)event->data.u64;
    struct epoll_slot *slot = &loop->slots[number];
    uint32_t generation = (uint32_t)(event->data.u64 >> 32);
    if (slot->fd < 0 || slot->generation != generation)
        return;
    if (slot->connecting)
        finish_connect(loop, number);
    if (slot->fd < 0 || slot->generation != generation)
        return;
    if (event->events & EPOLLOUT)
        send_rest(slot);
    if (!(event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return;
    slot->readable = true;
    if (!slot->paced)
        receive_all(loop, number, event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    else
        receive_wanted(loop, number);
}

/* Bytes that were there before they were asked for raise no event. */
static void deliver_asked(struct epoll_loop *loop)
{
    uint32_t count = loop->asked_count;
    memcpy(loop->asked_now, loop->asked, count * sizeof(loop->asked[0]));
    loop->asked_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = loop->asked_now[i];
        loop->slots[number].asked = false;
        if (loop->slots[number].fd >= 0)
            receive_wanted(loop, number);
    }
}

static int wait_for_events(struct epoll_loop *loop, uint64_t until_ns)
{
    uint64_t now_ns = until_ns ? clock_monotonic_ns() : 0;
    uint64_t left_ns = until_ns > now_ns && loop->asked_count == 0 ? until_ns - now_ns : 0;
    struct timespec left = {(time_t)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};
    int count = epoll_pwait2(loop->fd, loop->events, EVENTS_AT_ONCE, &left, NULL);
    if (count < 0 && errno == ENOSYS) /* before Linux 5.11 */
        count = epoll_wait(loop->fd, loop->events, EVENTS_AT_ONCE, (int)(left_ns / NS_PER_MS));
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    return count;
}

static int run(struct loop *base, uint64_t until_ns)
{
    struct epoll_loop *loop = (struct epoll_loop *)base;
    int count = wait_for_events(loop, until_ns);
    if (count < 0)
        return count;
    base->now_ns = clock_monotonic_ns();
    deliver_asked(loop);
    for (int i = 0; i < count; i++)
        handle_event(loop, &loop->events[i]);
    return count;
}

static void free_epoll(struct loop *base)
{
    struct epoll_loop *loop = (struct epoll_loop *)base;
    for (uint32_t i = 0; loop->slots && i < base->slots; i++)
        close_slot(base, i);
    if (loop->fd >= 0)
        close(loop->fd);
    free(loop->slots);
    free(loop->asked);
    free(loop->asked_now);
    free(loop->buffer);
    free(loop);
}

static const struct loop_ops epoll_ops = {
    .name = "epoll",
    .connect = connect_slot,
    .send = send_slot,
    .receive = receive_slot,
    .close = close_slot,
    .run = run,
    .free = free_epoll,
};

int loop_epoll_new(const struct loop_options *options, struct loop **out_loop, struct error *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make an epoll descriptor");
    struct epoll_loop *loop = mem_zalloc(sizeof(*loop));
    loop->loop = (struct loop){.ops = &epoll_ops,
                               .handler = options->handler,
                               .context = options->context,
                               .now_ns = clock_monotonic_ns(),
                               .slots = options->slots};
    loop->fd = fd;
    loop->slots = mem_array(options->slots, sizeof(loop->slots[0]));
    loop->asked = mem_array(options->slots, sizeof(loop->asked[0]));
    loop->asked_now = mem_array(options->slots, sizeof(loop->asked_now[0]));
    loop->buffer = mem_alloc(READ_BYTES);
    for (uint32_t i = 0; i < options->slots; i++)
        loop->slots[i].fd = -1;
    *out_loop = &loop->loop;
    return 0;
}
