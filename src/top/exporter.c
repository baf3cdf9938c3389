/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/exporter.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/units.h"
#include "top/openmetrics.h"

#define CLIENTS_MAX 16
#define CLIENT_TIMEOUT_S 10
#define CLIENT_MEMORY ((size_t)16 << 10) /* for what it asks */
#define READ_AGAIN_NS (NS_PER_S / 10)    /* many clients at once cost one reading */

#define LIBRARY "libmicrohttpd.so.12"

/* Opened when it is asked for, so that vtax runs where it is not installed, as in the lab's images.
 */
struct library {
    struct MHD_Daemon *(*start)(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback policy,
                                void *policy_context, MHD_AccessHandlerCallback handler,
                                void *context, ...);
    void (*stop)(struct MHD_Daemon *daemon);
    const union MHD_DaemonInfo *(*info)(struct MHD_Daemon *daemon, enum MHD_DaemonInfoType type,
                                        ...);
    struct MHD_Response *(*make)(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode);
    enum MHD_Result (*add_header)(struct MHD_Response *response, const char *header,
                                  const char *content);
    enum MHD_Result (*queue)(struct MHD_Connection *connection, unsigned status,
                             struct MHD_Response *response);
    void (*destroy)(struct MHD_Response *response);
};

struct exporter {
    struct library http;
    struct sampler *sampler;
    uint64_t read_ns;   /* when text was made; 0: never */
    struct strbuf text; /* of the last reading */
    struct error err;   /* why there is none */
    bool failed;
};

static int open_library(struct library *library, struct error *err)
{
    static const char *const names[] = {
        "MHD_start_daemon",        "MHD_stop_daemon",
        "MHD_get_daemon_info",     "MHD_create_response_from_buffer",
        "MHD_add_response_header", "MHD_queue_response",
        "MHD_destroy_response",
    };
    void *symbols[COUNT_OF(names)];
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "listen for Prometheus: %s: install the package libmicrohttpd12",
                         dlerror());
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        symbols[i] = dlsym(handle, names[i]);
        if (!symbols[i])
            return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "'%s' lacks %s", LIBRARY, names[i]);
    }
    _Static_assert(sizeof(symbols) == sizeof(*library), "one symbol for each");
    memcpy(library, symbols, sizeof(*library));
    return 0;
}

static int refuse(const char *text, struct error *err)
{
    return error_set(err, ERROR_USAGE, -EINVAL,
                     "--openmetrics '%s': neither a port nor an IP address with or without one: "
                     "9177, 192.0.2.1, 192.0.2.1:9177, [::1]:9177",
                     text);
}

/* Cuts ":PORT" off host; -EINVAL. */
static int split_port(char *host, uint64_t *port)
{
    char *bracket = strchr(host, ']'), *colon = strrchr(host, ':');
    const char *number = NULL;
    if (host[0] == '[') {
        if (!bracket || bracket == host + 1 || (bracket[1] && bracket[1] != ':'))
            return -EINVAL;
        number = bracket[1] ? bracket + 2 : NULL;
        *bracket = '\0';
        memmove(host, host + 1, strlen(host));
    } else if (colon && colon == strchr(host, ':')) {
        number = colon + 1;
        *colon = '\0';
    } else if (!colon && host[0] && !strchr(host, '.')) {
        if (units_parse_count(host, port) < 0)
            return -EINVAL;
        host[0] = '\0';
    }
    return number ? units_parse_count(number, port) : 0;
}

int exporter_parse(const char *text, struct exporter_address *out_address, struct error *err)
{
    struct exporter_address address = {0};
    char host[64];
    uint64_t port = EXPORTER_PORT;
    if (strlen(text) >= sizeof(host))
        return refuse(text, err);
    memcpy(host, text, strlen(text) + 1);
    if (split_port(host, &port) < 0 || port > UINT16_MAX)
        return refuse(text, err);
    const char *name = host[0] ? host : "127.0.0.1";
    if (inet_pton(AF_INET, name, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons((uint16_t)port);
        address.size = sizeof(address.v4);
    } else if (inet_pton(AF_INET6, name, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons((uint16_t)port);
        address.size = sizeof(address.v6);
    } else {
        return refuse(text, err);
    }
    *out_address = address;
    return 0;
}

static void read_again(struct exporter *exporter)
{
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    uint64_t now_ns = clock_monotonic_ns();
    if (exporter->read_ns && now_ns - exporter->read_ns < READ_AGAIN_NS)
        return;
    exporter->failed = sampler_read(exporter->sampler, &snapshot, &exporter->err) < 0;
    strbuf_truncate(&exporter->text, 0);
    if (!exporter->failed)
        openmetrics_add(&snapshot, &exporter->text);
    exporter->read_ns = clock_monotonic_ns();
}

static enum MHD_Result answer_text(const struct library *http, struct MHD_Connection *connection,
                                   unsigned status, const char *type, const char *text,
                                   size_t length)
{
    struct MHD_Response *response = http->make(length, (void *)text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    http->add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        http->add_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = http->queue(connection, status, response);
    http->destroy(response);
    return result;
}

static enum MHD_Result answer_line(const struct library *http, struct MHD_Connection *connection,
                                   unsigned status, const char *text)
{
    return answer_text(http, connection, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_bytes, void **request)
{
    struct exporter *exporter = context;
    const struct library *http = &exporter->http;
    (void)version;
    (void)body;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_line(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (!*request && *body_bytes == 0) { /* the headers are there, more may come */
        *request = exporter;
        return MHD_YES;
    }
    if (*body_bytes)
        return MHD_NO;
    if (strcmp(path, "/metrics") != 0)
        return answer_line(http, connection, MHD_HTTP_NOT_FOUND, "see /metrics\n");
    read_again(exporter);
    if (exporter->failed)
        return answer_line(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, exporter->err.text);
    return answer_text(http, connection, MHD_HTTP_OK, OPENMETRICS_TYPE, exporter->text.text,
                       exporter->text.length);
}

/* The address is the one that was asked for; the port may have been chosen by the kernel. */
static void say_where(const struct library *http, struct MHD_Daemon *daemon,
                      const struct exporter_address *address)
{
    char host[INET6_ADDRSTRLEN];
    const union MHD_DaemonInfo *port = http->info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    bool is_v6 = address->any.sa_family == AF_INET6;
    inet_ntop(address->any.sa_family,
              is_v6 ? (const void *)&address->v6.sin6_addr : (const void *)&address->v4.sin_addr,
              host, sizeof(host));
    printf("listening on http://%s%s%s:%u/metrics\n", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
           port ? port->port : 0);
    fflush(stdout);
}

static void log_nothing(void *context, const char *format, va_list list)
{
    (void)context;
    (void)format;
    (void)list;
}

int exporter_run(struct sampler *sampler, const struct exporter_address *address, struct error *err)
{
    struct exporter exporter = {.sampler = sampler};
    int rc = open_library(&exporter.http, err);
    if (rc < 0)
        return rc;
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
    if (address->any.sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    strbuf_init(&exporter.text);
    errno = 0;
    struct MHD_Daemon *daemon = exporter.http.start(
        flags, 0, NULL, NULL, answer, &exporter, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL,
        MHD_OPTION_SOCK_ADDR, &address->any, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CLIENT_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CLIENT_MEMORY, MHD_OPTION_END);
    if (!daemon) {
        strbuf_done(&exporter.text);
        return error_set_errno(err, ERROR_ENVIRONMENT, errno ? -errno : -EADDRINUSE,
                               "listen for Prometheus");
    }
    say_where(&exporter.http, daemon, address);
    struct pollfd signals = {.fd = interrupt_fd(), .events = POLLIN};
    while (!interrupt_requested())
        poll(&signals, 1, -1);
    exporter.http.stop(daemon);
    strbuf_done(&exporter.text);
    return interrupt_check(err);
}
