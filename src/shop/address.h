/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * address: a numeric IP address with a port.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

struct shop_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* "127.0.0.1:8080" or "[::1]:8080"; the port may be 0. */
bool shop_address_parse(const char *text, struct shop_address *out_address);
