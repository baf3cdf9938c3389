/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/cookie.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *bytes;
    size_t length;
};

void cookie_jar_clear(struct cookie_jar *jar)
{
    jar->used = 0;
    jar->dropped = 0;
}

static struct span trim(struct span span)
{
    while (span.length > 0 && (*span.bytes == ' ' || *span.bytes == '\t'))
        span = (struct span){span.bytes + 1, span.length - 1};
    while (span.length > 0 &&
           (span.bytes[span.length - 1] == ' ' || span.bytes[span.length - 1] == '\t'))
        span.length--;
    return span;
}

/* Cuts off what stands before the separator, and the separator. */
static struct span cut(struct span *rest, char separator)
{
    const char *at = memchr(rest->bytes, separator, rest->length);
    size_t length = at ? (size_t)(at - rest->bytes) : rest->length;
    struct span part = {rest->bytes, length};
    size_t skipped = length + (at != NULL);
    *rest = (struct span){rest->bytes + skipped, rest->length - skipped};
    return trim(part);
}

static bool span_is(struct span span, const char *text)
{
    return strlen(text) == span.length && strncasecmp(span.bytes, text, span.length) == 0;
}

/* What may stand in a Cookie field as it is. */
static bool is_clean(struct span span)
{
    for (size_t i = 0; i < span.length; i++)
        if ((unsigned char)span.bytes[i] <= ' ' || (unsigned char)span.bytes[i] >= 0x7f ||
            span.bytes[i] == ';' || span.bytes[i] == ',')
            return false;
    return true;
}

static bool contains(struct span span, const char *text)
{
    return memmem(span.bytes, span.length, text, strlen(text)) != NULL;
}

struct attributes {
    bool secure;
    bool expired;
};

static struct attributes read_attributes(struct span rest)
{
    struct attributes attributes = {0};
    while (rest.length > 0) {
        struct span value = cut(&rest, ';');
        struct span name = cut(&value, '=');
        value = trim(value);
        if (span_is(name, "secure"))
            attributes.secure = true;
        else if (span_is(name, "max-age"))
            attributes.expired = value.length > 0 && (value.bytes[0] == '-' || span_is(value, "0"));
        else if (span_is(name, "expires") && contains(value, "1970"))
            attributes.expired = true;
    }
    return attributes;
}

static void drop(struct cookie_jar *jar)
{
    jar->dropped += jar->dropped < 255;
}

/* Takes the cookie of this name out. */
static void forget(struct cookie_jar *jar, struct span name)
{
    for (size_t at = 0; at < jar->used;) {
        const char *entry = jar->text + at;
        size_t bytes = strlen(entry) + 1;
        if (strncmp(entry + 1, name.bytes, name.length) == 0 && entry[1 + name.length] == '=') {
            memmove(jar->text + at, jar->text + at + bytes, jar->used - at - bytes);
            jar->used = (uint16_t)(jar->used - bytes);
            return;
        }
        at += bytes;
    }
}

void cookie_jar_set(struct cookie_jar *jar, const char *field, size_t length)
{
    struct span rest = {field, length};
    struct span pair = cut(&rest, ';');
    bool has_value = memchr(pair.bytes, '=', pair.length) != NULL;
    struct span value = pair;
    struct span name = cut(&value, '=');
    value = trim(value);
    if (!has_value || name.length == 0 || !is_clean(name) || !is_clean(value)) {
        drop(jar);
        return;
    }
    struct attributes attributes = read_attributes(rest);
    forget(jar, name);
    if (attributes.expired)
        return;
    size_t bytes = 1 + name.length + 1 + value.length + 1;
    if (bytes > COOKIE_JAR_BYTES - (size_t)jar->used) {
        drop(jar);
        return;
    }
    char *at = jar->text + jar->used;
    *at++ = attributes.secure ? 's' : '-';
    memcpy(at, name.bytes, name.length);
    at += name.length;
    *at++ = '=';
    memcpy(at, value.bytes, value.length);
    at[value.length] = '\0';
    jar->used = (uint16_t)(jar->used + bytes);
}

/* Each cookie loses its flag and its NUL and gains at most "; ", so the text fits. */
size_t cookie_jar_format(const struct cookie_jar *jar, bool tls, char *out_text)
{
    char *to = out_text;
    for (size_t at = 0; at < jar->used;) {
        const char *entry = jar->text + at;
        size_t bytes = strlen(entry + 1);
        at += bytes + 2;
        if (entry[0] == 's' && !tls)
            continue;
        if (to > out_text) {
            memcpy(to, "; ", 2);
            to += 2;
        }
        memcpy(to, entry + 1, bytes);
        to += bytes;
    }
    return (size_t)(to - out_text);
}
