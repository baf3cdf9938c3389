/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * url: the absolute http and https URLs of RFC 3986 that a load generator needs. Pure and bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define URL_HOST_BYTES 256    /* a DNS name has at most 253 characters; with the NUL */
#define URL_TARGET_BYTES 2048 /* path and query, with the NUL */

struct url {
    bool tls;                      /* https */
    uint16_t port;                 /* the scheme's own where none is given */
    char host[URL_HOST_BYTES];     /* name or address; an IPv6 address without its brackets */
    char target[URL_TARGET_BYTES]; /* "/path?query", never empty; the fragment is dropped */
};

/* Parses length bytes of text. -EINVAL with err (ERROR_USAGE) quoting what is wrong: another
 * scheme, no host, user information, a bad port, control characters or spaces, too long. */
int url_parse(const char *text, size_t length, struct url *out_url, struct error *err)
    __attribute__((warn_unused_result));

#define URL_AUTHORITY_BYTES (URL_HOST_BYTES + 10)
/* Writes the value of the Host field: brackets around IPv6, the port where it is not the scheme's
 * own. Returns text. */
const char *url_format_authority(const struct url *url, char text[URL_AUTHORITY_BYTES]);
