/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shop/backend.h"
#include "shop/besim.h"

struct fixture {
    struct besim *besim;
    pthread_t thread;
    char address[32];
    struct backend *backend;
};

static void *serve(void *besim)
{
    return besim_run(besim, -1, NULL) == 0 ? NULL : besim;
}

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct error err;
    if (besim_open("127.0.0.1:0", &f->besim, &err) < 0)
        return -1;
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%u", besim_port(f->besim));
    *state = f;
    return backend_open(f->address, 2 * NS_PER_S, &f->backend) < 0 ||
           pthread_create(&f->thread, NULL, serve, f->besim) != 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *failed;
    besim_stop(f->besim);
    pthread_join(f->thread, &failed);
    backend_close(f->backend);
    besim_close(f->besim);
    free(f);
    return failed != NULL;
}

static void test_protocol(void **state)
{
    struct fixture *f = *state;
    struct shop_query query = {SHOP_COMMAND_DETAIL, {3, 17}};
    char bytes[ANSWER_HTTP_MAX];
    struct answer answer;
    struct besim_usage usage;
    struct error err = {0};
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), 0);
    assert_int_equal(answer.status, 1); /* not reset yet */
    assert_int_equal(besim_reset(f->address, 99, 10, 5, &err), 0);
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), 0);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.reference, shop_reference(99, &query));
    query.arguments[1] = 500;
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), 0);
    assert_int_equal(answer.status, 2); /* there are 500 products */
    assert_int_equal(besim_read_usage(f->address, &usage, &err), 0);
    assert_int_equal(usage.requests, 1);
    assert_int_equal(usage.refused, 1);
    assert_true(usage.busy_ns > 0 && usage.busy_ns < usage.elapsed_ns);
    assert_true(usage.cpu_ns < usage.elapsed_ns);
    assert_true(besim_reset(f->address, 99, 0, 5, &err) < 0);
    assert_non_null(strstr(err.text, "status 2"));
}

static int connect_to(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(besim_port(f->besim)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Sends text, then reads until the other side closes or `answers` answers have come. */
static unsigned exchange(const struct fixture *f, const char *text, size_t length, unsigned answers)
{
    static char bytes[1 << 20];
    size_t at = 0;
    unsigned seen = 0;
    int fd = connect_to(f);
    ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
    assert_true(sent >= 0);
    while (seen < answers) {
        ssize_t got = recv(fd, bytes + at, sizeof(bytes) - 1 - at, 0);
        if (got <= 0)
            break;
        at += (size_t)got;
        bytes[at] = '\0';
        seen = 0;
        for (char *p = bytes; (p = strstr(p, "</html>")); p++)
            seen++;
    }
    close(fd);
    return seen;
}

static void test_pipelining(void **state)
{
    struct fixture *f = *state;
    static const char one[] = "GET /besim?1&1&0&0&0&0 HTTP/1.1\r\nHost: besim\r\n\r\n";
    char many[200 * sizeof(one)];
    size_t length = 0;
    struct error err;
    assert_int_equal(besim_reset(f->address, 1, 1, 5, &err), 0);
    for (int i = 0; i < 200; i++, length += sizeof(one) - 1)
        memcpy(many + length, one, sizeof(one) - 1);
    assert_int_equal(exchange(f, many, length, 200), 200);
    struct besim_usage usage;
    assert_int_equal(besim_read_usage(f->address, &usage, &err), 0);
    assert_int_equal(usage.requests, 200);
}

static void test_hostile_clients(void **state)
{
    struct fixture *f = *state;
    static const char *const closed[] = {
        "GARBAGE\r\n\r\n",
        "POST /besim?stat HTTP/1.1\r\n\r\n",
        "GET /besim?stat HTTP/1.0\r\n\r\n",
        "GET /etc/passwd HTTP/1.1\r\n\r\n",
        "GET /besim?1&1&0 HTTP/1.1\r\n\r\n",
        "\r\n\r\n",
        "GET /besim?stat HTTP/1.1\r\nConnection: close\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(closed); i++)
        assert_int_equal(exchange(f, closed[i], strlen(closed[i]), 2), 1);
    char endless[8192];
    memset(endless, 'x', sizeof(endless));
    assert_int_equal(exchange(f, endless, sizeof(endless), 1), 0);
    assert_int_equal(exchange(f, "GET /besim?stat", 15, 0), 0); /* closes in mid-request */
    struct error err = {0};
    assert_int_equal(besim_reset(f->address, 1, 1, 5, &err), 0); /* it still serves */
}

/* A process that is being started holds a copy of every descriptor for a moment, and epoll goes on
 * to report a description that is closed here but not there. */
static void test_connection_closed_while_a_child_holds_it(void **state)
{
    struct fixture *f = *state;
    static const char good[] = "GET /besim?stat HTTP/1.1\r\n\r\n", bad[] = "GARBAGE\r\n\r\n";
    char bytes[ANSWER_HTTP_MAX];
    struct error err = {0};
    int fd = connect_to(f);
    assert_int_equal(send(fd, good, sizeof(good) - 1, 0), sizeof(good) - 1);
    assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd);
        usleep(200000);
        _exit(0);
    }
    assert_int_equal(send(fd, bad, sizeof(bad) - 1, 0), sizeof(bad) - 1);
    assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
    shutdown(fd, SHUT_RDWR);
    close(fd);
    waitpid(pid, NULL, 0);
    assert_int_equal(besim_reset(f->address, 1, 1, 5, &err), 0);
}

static void test_backend_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    struct shop_query query = {SHOP_COMMAND_LOGIN, {3}};
    char bytes[ANSWER_HTTP_MAX];
    struct answer answer;
    struct error err = {0};
    assert_int_equal(besim_reset(f->address, 1, 1, 5, &err), 0);
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), 0);
    besim_stop(f->besim);
    pthread_join(f->thread, NULL);
    besim_close(f->besim);
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), -ECONNREFUSED);
    assert_int_equal(besim_open(f->address, &f->besim, &err), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f->besim), 0);
    assert_int_equal(backend_ask(f->backend, &query, bytes, &answer), 0);
    assert_int_equal(answer.status, 1);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                      "host:80",  "[::1:80",   "::1:80",     "127.0.0.1:8 ",
                                      "1.2.3:80", ":80"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct backend *backend = NULL;
        struct besim *besim = NULL;
        struct error err = {0};
        assert_int_equal(backend_open(bad[i], NS_PER_S, &backend), -EINVAL);
        assert_int_equal(besim_open(bad[i], &besim, &err), -EINVAL);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

/* A back end that takes the connection and never answers. */
static void test_time_out(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    char text[32], bytes[ANSWER_HTTP_MAX];
    struct shop_query query = {SHOP_COMMAND_LOGIN, {3}};
    struct backend *backend = NULL;
    struct answer answer;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(backend_open(text, 50 * NS_PER_MS, &backend), 0);
    assert_int_equal(backend_ask(backend, &query, bytes, &answer), -ETIMEDOUT);
    backend_close(backend);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_protocol, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipelining, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connection_closed_while_a_child_holds_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_backend_survives_a_restart, set_up, tear_down),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
