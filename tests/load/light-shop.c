/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "light-shop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "shop/answer.h"
#include "shop/document.h"
#include "shop/request.h"

enum { IN_BYTES = 2048, EVENTS = 256, IMAGE_BYTES = 65536, PARTS = 3 };

struct visitor {
    struct visitor *next; /* in shop->visitors */
    struct visitor **link;
    int fd;
    size_t in_length;
    char in[IN_BYTES + 1];
    struct iovec out[PARTS]; /* what is still to be sent */
    char *owned;             /* of it, to be freed */
    bool waits;              /* for room in the socket */
};

static void set_events(struct light_shop *shop, struct visitor *visitor, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = visitor};
    if (epoll_ctl(shop->epoll_fd, how, visitor->fd, &event) < 0)
        abort();
}

static void end_visit(struct visitor *visitor)
{
    *visitor->link = visitor->next;
    if (visitor->next)
        visitor->next->link = visitor->link;
    close(visitor->fd);
    free(visitor->owned);
    free(visitor);
}

static void take_visitors(struct light_shop *shop)
{
    for (;;) {
        int fd = accept4(shop->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct visitor *visitor = mem_zalloc(sizeof(*visitor));
        visitor->fd = fd;
        visitor->next = shop->visitors;
        visitor->link = &shop->visitors;
        if (visitor->next)
            visitor->next->link = &visitor->next;
        shop->visitors = visitor;
        shop->connections++;
        set_events(shop, visitor, EPOLLIN, EPOLL_CTL_ADD);
    }
}

/* Sends on; false when the visitor has gone. */
static bool send_on(struct light_shop *shop, struct visitor *visitor)
{
    for (;;) {
        struct iovec *first = visitor->out;
        int count = PARTS;
        while (count > 0 && first->iov_len == 0) {
            first++;
            count--;
        }
        if (count == 0)
            break;
        ssize_t sent = writev(visitor->fd, first, count);
        if (sent < 0 && errno == EAGAIN) {
            if (!visitor->waits)
                set_events(shop, visitor, EPOLLOUT, EPOLL_CTL_MOD);
            visitor->waits = true;
            return true;
        }
        if (sent < 0)
            return false;
        for (; sent > 0; first++) {
            size_t part = first->iov_len < (size_t)sent ? first->iov_len : (size_t)sent;
            first->iov_base = (char *)first->iov_base + part;
            first->iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    free(visitor->owned);
    visitor->owned = NULL;
    if (visitor->waits)
        set_events(shop, visitor, EPOLLIN, EPOLL_CTL_MOD);
    visitor->waits = false;
    return true;
}

static void answer(struct light_shop *shop, struct visitor *visitor, char *head, char *body,
                   size_t length)
{
    visitor->owned = head;
    visitor->out[0] = (struct iovec){head, strlen(head)};
    visitor->out[1] = (struct iovec){body, length};
    visitor->out[2] = (struct iovec){NULL, 0};
    shop->body_bytes += length;
}

static void refuse(struct light_shop *shop, struct visitor *visitor, int status)
{
    shop->refused++;
    answer(shop, visitor, mem_printf("HTTP/1.1 %d No\r\nContent-Length: 3\r\n\r\nno\n", status),
           NULL, 0);
}

/* Is this the time to do this wrong? */
static bool is_time_for(struct light_shop *shop, enum light_mischief mischief)
{
    if (shop->mischief != mischief || shop->mischief_every == 0)
        return false;
    if (++shop->occasions % shop->mischief_every != 0)
        return false;
    shop->mischiefs++;
    return true;
}

static void spoil(struct light_shop *shop, struct shop_document *document)
{
    static const char title[] = "<title>", reference[] = "name=\"reference\" content=\"";
    if (is_time_for(shop, LIGHT_WRONG_TITLE))
        strstr(document->front, title)[strlen(title)] ^= 1;
    if (is_time_for(shop, LIGHT_WRONG_DATA)) /* its last digit */
        strstr(document->front, reference)[strlen(reference) + 15] ^= 1;
    if (is_time_for(shop, LIGHT_WRONG_MARKER))
        document->tail[document->tail_length - 1] ^= 1;
    if (is_time_for(shop, LIGHT_SHORT_PAGE))
        document->padding_length--;
}

static void send_document(struct light_shop *shop, struct visitor *visitor,
                          const struct shop_request *request)
{
    static _Thread_local struct shop_document document;
    char body[ANSWER_BODY_MAX], cookie[TOKEN_LENGTH + 64] = "";
    struct answer from_back_end;
    size_t length = answer_compose(&shop->world, &request->query, body);
    if (length == 0 || !answer_parse(body, length, &from_back_end) ||
        document_render(&shop->world, request, &from_back_end, "https://shop.test", &document) < 0)
        abort();
    document.front[document.front_length] = '\0';
    spoil(shop, &document);
    if (request->state_changed) {
        char token[TOKEN_LENGTH + 1];
        token_format(&shop->world, &request->state, token);
        snprintf(cookie, sizeof(cookie), "Set-Cookie: " SHOP_COOKIE_NAME "=%s; Path=/\r\n", token);
    }
    size_t total = document.front_length + document.padding_length + document.tail_length;
    char *head = mem_alloc(512 + document.front_length + document.tail_length);
    size_t at = (size_t)sprintf(head,
                                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%s"
                                "Content-Length: %zu\r\n\r\n",
                                cookie, total);
    memcpy(head + at, document.front, document.front_length);
    at += document.front_length;
    memcpy(head + at, document.tail, document.tail_length);
    visitor->owned = head;
    visitor->out[0] = (struct iovec){head, at};
    visitor->out[1] = (struct iovec){shop->padding, document.padding_length};
    visitor->out[2] = (struct iovec){head + at, document.tail_length};
    shop->body_bytes += total;
    shop->views[request->page]++;
}

/* The value of a field of the request, to the end of the text; NULL: it is not there. */
static const char *find_field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? at + strlen(name) : NULL;
}

static void serve_page(struct light_shop *shop, struct visitor *visitor, const char *body)
{
    const char *page = strchr(visitor->in, ' ') + 1 + strlen("/shop/");
    size_t length = strcspn(page, "? ");
    bool post = visitor->in[0] == 'P';
    const char *query = page[length] == '?' ? page + length + 1 : "";
    const char *cookie = find_field(visitor->in, "\r\nCookie: ");
    enum shop_page number = shop_page_find(page, length);
    struct shop_input input = {
        .page = page,
        .page_length = length,
        .arguments = post ? body : query,
        .arguments_length = post ? strlen(body) : strcspn(query, " "),
        .cookie = cookie,
        .cookie_length = cookie ? strcspn(cookie, "\r") : 0,
        .post = post,
        .tls = number < SHOP_EXIT && shop_page_info(number)->tls,
        .fresh_id = (uint32_t)shop->connections,
    };
    struct shop_request request;
    int status = shop_request_parse(&shop->world, &input, &request);
    if (status == 200 && is_time_for(shop, LIGHT_ERROR))
        status = 500;
    if (status == 200)
        send_document(shop, visitor, &request);
    else
        refuse(shop, visitor, status);
}

static bool find_image_bytes(const struct light_shop *shop, const char *target, uint32_t *out_bytes)
{
    unsigned number, directory, image_class, of_directory;
    unsigned upper;
    if (sscanf(target, "/i/%3u.gif ", &number) == 1 && number < SHOP_IMAGES) {
        *out_bytes = shop->world.image_bytes[number];
        return true;
    }
    if (sscanf(target, "/p/%u/%u/%u-%u.jpg ", &upper, &directory, &of_directory, &image_class) != 4)
        return false;
    uint32_t product = (upper * 1000 + directory) * SHOP_PRODUCTS_PER_DIRECTORY + of_directory;
    if (product >= shop->world.products || image_class >= SHOP_IMAGE_CLASSES)
        return false;
    *out_bytes = shop_product_image_bytes(product, image_class);
    return true;
}

static void serve_image(struct light_shop *shop, struct visitor *visitor, const char *target)
{
    uint32_t bytes;
    if (!find_image_bytes(shop, target, &bytes)) {
        refuse(shop, visitor, 404);
        return;
    }
    shop->images++;
    const char *since = find_field(visitor->in, "\r\nIf-Modified-Since: ");
    bool fresh = since && strncmp(since, SHOP_IMAGE_TIME, strlen(SHOP_IMAGE_TIME)) == 0;
    if (fresh && !is_time_for(shop, LIGHT_NEVER_304)) {
        shop->not_modified++;
        answer(shop, visitor, mem_strdup("HTTP/1.1 304 Not Modified\r\n\r\n"), NULL, 0);
        return;
    }
    bytes -= !fresh && is_time_for(shop, LIGHT_SHORT_IMAGE);
    answer(shop, visitor,
           mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %u\r\n"
                      "Last-Modified: " SHOP_IMAGE_TIME "\r\n\r\n",
                      bytes),
           shop->image, bytes);
}

/* Serves the request in the buffer, when it is whole. False when the visitor has gone. */
static bool serve(struct light_shop *shop, struct visitor *visitor)
{
    visitor->in[visitor->in_length] = '\0';
    char *end = strstr(visitor->in, "\r\n\r\n");
    if (!end)
        return visitor->in_length < IN_BYTES;
    const char *announced = find_field(visitor->in, "\r\nContent-Length: ");
    size_t body = announced ? (size_t)atoi(announced) : 0;
    if ((size_t)(end + 4 - visitor->in) + body > visitor->in_length)
        return true;
    if (is_time_for(shop, LIGHT_RESET)) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(visitor->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        return false;
    }
    const char *target = strchr(visitor->in, ' ') + 1;
    if (strncmp(target, "/shop/", 6) == 0)
        serve_page(shop, visitor, end + 4);
    else
        serve_image(shop, visitor, target);
    visitor->in_length = 0;
    return send_on(shop, visitor);
}

static bool handle(struct light_shop *shop, struct visitor *visitor, uint32_t events)
{
    if (visitor->waits)
        return !(events & (EPOLLERR | EPOLLHUP)) && send_on(shop, visitor);
    ssize_t got =
        recv(visitor->fd, visitor->in + visitor->in_length, IN_BYTES - visitor->in_length, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    visitor->in_length += (size_t)got;
    return serve(shop, visitor);
}

static void *run_shop(void *context)
{
    struct light_shop *shop = context;
    if (shop->cpu > 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)shop->cpu - 1, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    struct epoll_event events[EVENTS];
    while (!__atomic_load_n(&shop->ending, __ATOMIC_ACQUIRE)) {
        int count = epoll_wait(shop->epoll_fd, events, EVENTS, 20);
        for (int i = 0; i < count; i++) {
            struct visitor *visitor = events[i].data.ptr;
            if (!visitor)
                take_visitors(shop);
            else if (!handle(shop, visitor, events[i].events))
                end_visit(visitor);
        }
    }
    return NULL;
}

void light_shop_start(struct light_shop *shop, uint64_t seed, uint32_t sessions)
{
    if (shop_world_init(&shop->world, seed, sessions, 0) < 0)
        abort();
    shop->padding = mem_alloc(DOCUMENT_PADDING_MAX);
    document_fill_padding(shop->padding);
    shop->image = mem_zalloc(IMAGE_BYTES);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    shop->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    shop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (shop->fd < 0 || bind(shop->fd, (struct sockaddr *)&address, length) < 0 ||
        listen(shop->fd, 4096) < 0 ||
        getsockname(shop->fd, (struct sockaddr *)&address, &length) < 0 ||
        epoll_ctl(shop->epoll_fd, EPOLL_CTL_ADD, shop->fd, &event) < 0)
        abort();
    shop->port = ntohs(address.sin_port);
    if (pthread_create(&shop->thread, NULL, run_shop, shop) != 0)
        abort();
}

void light_shop_stop(struct light_shop *shop)
{
    __atomic_store_n(&shop->ending, true, __ATOMIC_RELEASE);
    pthread_join(shop->thread, NULL);
    while (shop->visitors)
        end_visit(shop->visitors);
    close(shop->fd);
    close(shop->epoll_fd);
    free(shop->padding);
    free(shop->image);
}
