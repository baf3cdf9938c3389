/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct strbuf *buf, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        char quad[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=',
                        left > 2 ? digits[bits & 63] : '='};
        strbuf_add(buf, quad, sizeof(quad));
    }
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `count` digits (2..4) to count - 1 bytes. */
static int decode_group(const char *text, size_t count, unsigned char *out_bytes)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? digit_value(text[i]) : 0;
        if (value < 0)
            return -EBADMSG;
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i + 1 < count; i++)
        out_bytes[i] = (unsigned char)(bits >> (16 - 8 * i));
    return 0;
}

ssize_t base64_decode(const char *text, size_t length, unsigned char *out_bytes)
{
    if (length % 4 != 0)
        return -EBADMSG;
    size_t bytes = 0;
    for (size_t i = 0; i < length; i += 4) {
        size_t count = 4;
        if (i + 4 == length && text[i + 3] == '=')
            count = text[i + 2] == '=' ? 2 : 3;
        if (decode_group(text + i, count, out_bytes + bytes) < 0)
            return -EBADMSG;
        bytes += count - 1;
    }
    return (ssize_t)bytes;
}
