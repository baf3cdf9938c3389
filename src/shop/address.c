/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool parse_port(const char *text, in_port_t *out_port)
{
    unsigned port = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned)(*text - '0');
    }
    *out_port = htons((uint16_t)port);
    return port <= UINT16_MAX;
}

static bool parse_host_4(const char *host, in_port_t port, struct shop_address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    address->length = sizeof(*in);
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

static bool parse_host_6(const char *host, in_port_t port, struct shop_address *address)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address->storage;
    *in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    address->length = sizeof(*in);
    return inet_pton(AF_INET6, host, &in->sin6_addr) == 1;
}

bool shop_address_parse(const char *text, struct shop_address *out_address)
{
    char host[INET6_ADDRSTRLEN];
    struct shop_address address = {0};
    in_port_t port;
    bool bracketed = text[0] == '[';
    const char *begin = text + bracketed;
    const char *end = bracketed ? strstr(begin, "]:") : strchr(begin, ':');
    if (!end || (size_t)(end - begin) >= sizeof(host) || !parse_port(end + 1 + bracketed, &port))
        return false;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (!(bracketed ? parse_host_6(host, port, &address) : parse_host_4(host, port, &address)))
        return false;
    *out_address = address;
    return true;
}
