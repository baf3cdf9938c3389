/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop over io_uring. One multishot receive per connection picks its buffers from a ring that
 * the thread shares, sends are queued and go to the kernel in one batch with the wait for the next
 * events, and a good send reports nothing: a request and its answer cost no system call of their
 * own. Needs Linux 6.0 (multishot receive); tells the kernel what it may leave out where 6.1 has
 * it (SINGLE_ISSUER, DEFER_TASKRUN).
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/loop-internal.h"

enum {
    SUBMISSIONS = 1024,
    COMPLETIONS = 8192,
    BUFFERS = 256, /* a power of two */
    BUFFER_GROUP = 0,
};

enum operation { OP_CONNECT, OP_RECEIVE, OP_SEND, OP_CLOSE };

/* Who a completion is for: operation, generation of the slot, slot. A slot's earlier connection is
 * told by its generation. */
#define TAG(operation, generation, slot)                                                           \
    ((uint64_t)(operation) << 56 | (uint64_t)((generation)&0xffffff) << 32 | (slot))

struct uring_slot {
    int fd; /* -1: closed */
    uint32_t generation;
    bool paced;
    bool connected;
    bool sending;              /* nothing has come since the last send, so it may not be over */
    union loop_address remote; /* the kernel reads it when connect is submitted */
};

struct uring_loop {
    struct loop loop;
    struct io_uring ring;
    bool has_ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    uint32_t returned; /* buffers given back since the last advance */
    struct uring_slot *slots;
    uint64_t **stamps; /* where to write the time of the sends that are queued */
    uint32_t stamp_count;
};

static struct uring_loop *uring_of(struct loop *base)
{
    return (struct uring_loop *)base;
}

/* The queued sends are about to be handed over. */
static void stamp_sends(struct uring_loop *loop)
{
    if (loop->stamp_count == 0)
        return;
    uint64_t now_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < loop->stamp_count; i++)
        *loop->stamps[i] = now_ns;
    loop->stamp_count = 0;
}

/* Room for so many submissions, which then go to the kernel together. */
static void make_room(struct uring_loop *loop, unsigned count)
{
    while (io_uring_sq_space_left(&loop->ring) < count) {
        stamp_sends(loop);
        io_uring_submit(&loop->ring);
    }
}

static void arm_receive(struct uring_loop *loop, uint32_t number)
{
    struct uring_slot *slot = &loop->slots[number];
    make_room(loop, 1);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_recv_multishot(sqe, slot->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->user_data = TAG(OP_RECEIVE, slot->generation, number);
}

static void receive_slot(struct loop *base, uint32_t number, size_t most_bytes)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_slot *slot = &loop->slots[number];
    make_room(loop, 1);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    size_t length = most_bytes < LOOP_BUFFER_BYTES ? most_bytes : LOOP_BUFFER_BYTES;
    io_uring_prep_recv(sqe, slot->fd, NULL, length, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->user_data = TAG(OP_RECEIVE, slot->generation, number);
}

static int connect_slot(struct loop *base, uint32_t number, const struct loop_target *target)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_slot *slot = &loop->slots[number];
    int fd = loop_open_socket(target, 0);
    if (fd < 0)
        return fd;
    slot->fd = fd;
    slot->paced = target->paced;
    slot->connected = false;
    slot->sending = false;
    slot->remote = target->remote;
    make_room(loop, 1);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_connect(sqe, fd, &slot->remote.any, loop_address_bytes(&slot->remote));
    sqe->user_data = TAG(OP_CONNECT, slot->generation, number);
    return 0;
}

static void send_slot(struct loop *base, uint32_t number, const char *bytes, size_t length,
                      uint64_t *out_sent_ns)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_slot *slot = &loop->slots[number];
    make_room(loop, 1);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_send(sqe, slot->fd, bytes, length, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = TAG(OP_SEND, slot->generation, number);
    slot->sending = true;
    if (out_sent_ns)
        loop->stamps[loop->stamp_count++] = out_sent_ns;
}

/* By what it is tagged with: a search by descriptor would go through all that is under way. */
static void cancel(struct uring_loop *loop, uint32_t number, enum operation operation)
{
    struct uring_slot *slot = &loop->slots[number];
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_cancel64(sqe, TAG(operation, slot->generation, number), 0);
    sqe->flags |= IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = TAG(OP_CLOSE, slot->generation, number);
}

/* What is under way on the descriptor holds the connection open, so it is cancelled first. */
static void close_slot(struct loop *base, uint32_t number)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_slot *slot = &loop->slots[number];
    if (slot->fd < 0)
        return;
    make_room(loop, 3);
    cancel(loop, number, slot->connected ? OP_RECEIVE : OP_CONNECT);
    if (slot->sending)
        cancel(loop, number, OP_SEND);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_close(sqe, slot->fd);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = TAG(OP_CLOSE, slot->generation, number);
    slot->fd = -1;
    slot->generation++;
}

static void give_back(struct uring_loop *loop, unsigned buffer)
{
    io_uring_buf_ring_add(loop->buffer_ring, loop->buffers + (size_t)buffer * LOOP_BUFFER_BYTES,
                          LOOP_BUFFER_BYTES, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), (int)loop->returned);
    loop->returned++;
}

static void advance_buffers(struct uring_loop *loop)
{
    if (loop->returned > 0)
        io_uring_buf_ring_advance(loop->buffer_ring, (int)loop->returned);
    loop->returned = 0;
}

static void handle_receive(struct uring_loop *loop, uint32_t number, bool current,
                           const struct io_uring_cqe *cqe)
{
    const struct loop_handler *handler = loop->loop.handler;
    struct uring_slot *slot = &loop->slots[number];
    uint32_t generation = slot->generation;
    int result = cqe->res;
    unsigned flags = cqe->flags;
    if (current && result > 0)
        slot->sending = false;
    if (flags & IORING_CQE_F_BUFFER) {
        unsigned buffer = flags >> IORING_CQE_BUFFER_SHIFT;
        if (current && result > 0)
            handler->received(loop->loop.context, number,
                              loop->buffers + (size_t)buffer * LOOP_BUFFER_BYTES, (size_t)result);
        give_back(loop, buffer);
    }
    if (!current || slot->generation != generation || slot->fd < 0)
        return;
    if (result == -ENOBUFS && slot->paced) {
        receive_slot(&loop->loop, number, LOOP_BUFFER_BYTES);
    } else if (result > 0 || result == -ENOBUFS) {
        if (!(flags & IORING_CQE_F_MORE) && !slot->paced)
            arm_receive(loop, number);
    } else {
        handler->ended(loop->loop.context, number, result);
    }
}

static void handle_completion(struct uring_loop *loop, const struct io_uring_cqe *cqe)
{
    uint32_t number = (uint32_t)cqe->user_data;
    struct uring_slot *slot = &loop->slots[number];
    bool current = slot->fd >= 0 &&
                   (uint32_t)(cqe->user_data >> 32 & 0xffffff) == (slot->generation & 0xffffff);
    switch ((enum operation)(cqe->user_data >> 56)) {
    case OP_RECEIVE:
        handle_receive(loop, number, current, cqe);
        break;
    case OP_CONNECT:
        if (!current)
            break;
        if (cqe->res < 0) {
            loop->loop.handler->ended(loop->loop.context, number, cqe->res);
            break;
        }
        slot->connected = true;
        if (!slot->paced)
            arm_receive(loop, number);
        loop->loop.handler->connected(loop->loop.context, number);
        break;
    case OP_SEND: /* only failures report */
        if (current && cqe->res < 0)
            loop->loop.handler->ended(loop->loop.context, number, cqe->res);
        break;
    case OP_CLOSE:
        break;
    }
}

static int submit_and_wait(struct uring_loop *loop, uint64_t until_ns)
{
    uint64_t now_ns = until_ns ? clock_monotonic_ns() : 0;
    for (uint32_t i = 0; i < loop->stamp_count; i++)
        *loop->stamps[i] = now_ns ? now_ns : clock_monotonic_ns();
    loop->stamp_count = 0;
    if (until_ns <= now_ns)
        return io_uring_submit_and_get_events(&loop->ring);
    uint64_t left_ns = until_ns - now_ns;
    struct __kernel_timespec left = {(long long)(left_ns / NS_PER_S),
                                     (long long)(left_ns % NS_PER_S)};
    struct io_uring_cqe *cqe;
    return io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &left, NULL);
}

static int run(struct loop *base, uint64_t until_ns)
{
    struct uring_loop *loop = uring_of(base);
    int rc = submit_and_wait(loop, until_ns);
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN)
        return rc;
    base->now_ns = clock_monotonic_ns();
    struct io_uring_cqe *cqe;
    unsigned head;
    int count = 0;
    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        handle_completion(loop, cqe);
        count++;
    }
    io_uring_cq_advance(&loop->ring, (unsigned)count);
    advance_buffers(loop);
    return count;
}

static void free_uring(struct loop *base)
{
    struct uring_loop *loop = uring_of(base);
    if (loop->has_ring)
        io_uring_queue_exit(&loop->ring);
    for (uint32_t i = 0; loop->slots && i < base->slots; i++)
        if (loop->slots[i].fd >= 0)
            close(loop->slots[i].fd);
    if (loop->buffer_ring)
        munmap(loop->buffer_ring, BUFFERS * sizeof(struct io_uring_buf));
    if (loop->buffers)
        munmap(loop->buffers, (size_t)BUFFERS * LOOP_BUFFER_BYTES);
    free(loop->slots);
    free(loop->stamps);
    free(loop);
}
DEFINE_CLEANUP(struct loop *, free_uring);

static const struct loop_ops uring_ops = {
    .name = "io_uring",
    .connect = connect_slot,
    .send = send_slot,
    .receive = receive_slot,
    .close = close_slot,
    .run = run,
    .free = free_uring,
};

static int make_ring(struct uring_loop *loop)
{
    static const unsigned choices[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_COOP_TASKRUN,
    };
    int rc = -EINVAL;
    for (size_t i = 0; i < COUNT_OF(choices) && rc == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = choices[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
            .cq_entries = COMPLETIONS,
        };
        rc = io_uring_queue_init_params(SUBMISSIONS, &loop->ring, &params);
        if (rc == 0 && !(params.features & IORING_FEAT_CQE_SKIP)) {
            io_uring_queue_exit(&loop->ring);
            return -ENOSYS;
        }
    }
    if (rc < 0)
        return rc;
    loop->has_ring = true;
    io_uring_register_ring_fd(&loop->ring); /* saves a look-up; fine without */
    return 0;
}

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int make_buffers(struct uring_loop *loop)
{
    loop->buffer_ring = map(BUFFERS * sizeof(struct io_uring_buf));
    loop->buffers = map((size_t)BUFFERS * LOOP_BUFFER_BYTES);
    if (!loop->buffer_ring || !loop->buffers)
        return -ENOMEM;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)loop->buffer_ring,
        .ring_entries = BUFFERS,
        .bgid = BUFFER_GROUP,
    };
    int rc = io_uring_register_buf_ring(&loop->ring, &registration, 0);
    if (rc < 0)
        return rc;
    io_uring_buf_ring_init(loop->buffer_ring);
    for (unsigned i = 0; i < BUFFERS; i++)
        give_back(loop, i);
    advance_buffers(loop);
    return 0;
}

/* Version numbers lie (backports, sandboxes), so a byte is sent through a multishot receive. */
static int probe_multishot(struct uring_loop *loop)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int rc = write(ends[1], "x", 1) == 1 ? 0 : -EIO;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    io_uring_prep_recv_multishot(sqe, ends[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    struct io_uring_cqe *cqe;
    rc = rc < 0 ? rc : io_uring_submit_and_wait(&loop->ring, 1);
    rc = rc < 0 ? rc : io_uring_peek_cqe(&loop->ring, &cqe);
    close(ends[1]); /* ends the receive */
    if (rc == 0) {
        const unsigned wanted = IORING_CQE_F_MORE | IORING_CQE_F_BUFFER;
        rc = cqe->res == 1 && (cqe->flags & wanted) == wanted ? 0 : -ENOSYS;
        if (cqe->flags & IORING_CQE_F_BUFFER)
            give_back(loop, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        advance_buffers(loop);
        bool more = cqe->flags & IORING_CQE_F_MORE;
        io_uring_cqe_seen(&loop->ring, cqe);
        if (more && io_uring_wait_cqe(&loop->ring, &cqe) == 0) {
            if (cqe->flags & IORING_CQE_F_BUFFER)
                give_back(loop, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            advance_buffers(loop);
            io_uring_cqe_seen(&loop->ring, cqe);
        }
    }
    close(ends[0]);
    return rc;
}

int loop_uring_new(const struct loop_options *options, struct loop **out_loop, struct error *err)
{
    CLEANUP(free_uring_cleanup) struct loop *base = NULL;
    struct uring_loop *loop = mem_zalloc(sizeof(*loop));
    base = &loop->loop;
    *base = (struct loop){.ops = &uring_ops,
                          .handler = options->handler,
                          .context = options->context,
                          .now_ns = clock_monotonic_ns(),
                          .slots = options->slots};
    loop->slots = mem_array(options->slots, sizeof(loop->slots[0]));
    loop->stamps = mem_array(SUBMISSIONS, sizeof(loop->stamps[0]));
    for (uint32_t i = 0; i < options->slots; i++)
        loop->slots[i].fd = -1;
    int rc = make_ring(loop);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc,
                               "start io_uring (Linux 6.0 or later, kernel.io_uring_disabled=0, "
                               "not forbidden by seccomp)");
    rc = make_buffers(loop);
    rc = rc < 0 ? rc : probe_multishot(loop);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc,
                               "start io_uring: multishot receive (Linux 6.0 or later)");
    *out_loop = TAKE_PTR(base);
    return 0;
}
