/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cookie: the cookies that one visitor holds for one site (RFC 6265), as a load generator needs
 * them: kept in the form in which they are sent. Pure, bounded, no allocation.
 *
 * Path and Domain are not looked at: a jar is for one site, all of whose pages get its cookies.
 * Cookies with Secure go out over TLS only. Max-Age of 0 or less and an Expires in the past (the
 * year 1970, by which servers delete) take a cookie away; other life times outlive a session.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_JAR_BYTES 248

struct cookie_jar {
    uint16_t used;
    uint8_t dropped; /* cookies that were malformed or found no room; stays at 255 */
    /* For each cookie: 's' or '-' for Secure or not, "name=value", NUL. */
    char text[COOKIE_JAR_BYTES];
};

void cookie_jar_clear(struct cookie_jar *jar);

/* Takes the value of one Set-Cookie field. */
void cookie_jar_set(struct cookie_jar *jar, const char *field, size_t length);

/* Writes "name=value; name=value" for a request, without a NUL, at most COOKIE_JAR_BYTES. Returns
 * the length, 0 where there is nothing to send. */
size_t cookie_jar_format(const struct cookie_jar *jar, bool tls, char *out_text);
