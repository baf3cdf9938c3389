/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *checked(void *pointer)
{
    if (!pointer) {
        fputs("vtax: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *mem_alloc(size_t bytes)
{
    return checked(malloc(bytes ? bytes : 1));
}

void *mem_zalloc(size_t bytes)
{
    return checked(calloc(1, bytes ? bytes : 1));
}

void *mem_array(size_t count, size_t bytes)
{
    return checked(calloc(count ? count : 1, bytes ? bytes : 1));
}

void *mem_resize_array(void *old, size_t count, size_t bytes)
{
    return checked(reallocarray(old, count ? count : 1, bytes ? bytes : 1));
}

void *mem_copy(const void *from, size_t bytes)
{
    void *copy = mem_alloc(bytes);
    if (bytes)
        memcpy(copy, from, bytes);
    return copy;
}

char *mem_strdup(const char *text)
{
    return text ? checked(strdup(text)) : NULL;
}

char *mem_strndup(const char *text, size_t length)
{
    return checked(strndup(text, length));
}

char *mem_vprintf(const char *format, va_list ap)
{
    char *text = NULL;
    return vasprintf(&text, format, ap) < 0 ? checked(NULL) : text;
}

char *mem_printf(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = mem_vprintf(format, ap);
    va_end(ap);
    return text;
}
