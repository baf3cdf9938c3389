/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * base64: RFC 4648, section 4, with padding and without line breaks.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/strbuf.h"

void base64_encode(struct strbuf *buf, const unsigned char *bytes, size_t length);

/* Writes at most length / 4 * 3 bytes and returns how many; -EBADMSG: not base64 to the last byte.
 */
ssize_t base64_decode(const char *text, size_t length, unsigned char *out_bytes)
    __attribute__((warn_unused_result));
