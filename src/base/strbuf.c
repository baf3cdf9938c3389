/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *buf)
{
    buf->capacity = 64;
    buf->length = 0;
    buf->text = mem_alloc(buf->capacity);
    buf->text[0] = '\0';
}

static void reserve(struct strbuf *buf, size_t more)
{
    if (buf->length + more < buf->capacity)
        return;
    while (buf->length + more >= buf->capacity)
        buf->capacity *= 2;
    buf->text = mem_resize_array(buf->text, buf->capacity, 1);
}

void strbuf_add(struct strbuf *buf, const char *bytes, size_t length)
{
    reserve(buf, length);
    if (length)
        memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_adds(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_addc(struct strbuf *buf, char byte)
{
    strbuf_add(buf, &byte, 1);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int need = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    assert(need >= 0);
    reserve(buf, (size_t)need);
    va_start(ap, format);
    vsnprintf(buf->text + buf->length, (size_t)need + 1, format, ap);
    va_end(ap);
    buf->length += (size_t)need;
}

void strbuf_truncate(struct strbuf *buf, size_t length)
{
    assert(length <= buf->length);
    buf->length = length;
    buf->text[length] = '\0';
}

char *strbuf_take(struct strbuf *buf)
{
    char *text = buf->text;
    strbuf_init(buf);
    return text;
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->text);
    *buf = (struct strbuf){0};
}
