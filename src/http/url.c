/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* What is left of the text. */
struct rest {
    const char *at;
    const char *end;
};

static size_t rest_length(const struct rest *rest)
{
    return (size_t)(rest->end - rest->at);
}

static int refuse(struct error *err, const char *text, size_t length, const char *why)
{
    return error_set(err, ERROR_USAGE, -EINVAL, "url '%.*s': %s", length < 200 ? (int)length : 200,
                     text, why);
}

static bool skip_prefix(struct rest *rest, const char *prefix)
{
    size_t length = strlen(prefix);
    if (rest_length(rest) < length || strncasecmp(rest->at, prefix, length) != 0)
        return false;
    rest->at += length;
    return true;
}

static bool is_clean(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return false;
    return true;
}

/* Cuts the authority off: up to the first '/', '?' or '#'. */
static struct rest cut_authority(struct rest *rest)
{
    struct rest authority = {rest->at, rest->at};
    while (authority.end < rest->end && !strchr("/?#", *authority.end))
        authority.end++;
    rest->at = authority.end;
    return authority;
}

static const char *take_host(struct rest *authority, struct url *url)
{
    struct rest host = *authority;
    if (host.at < host.end && *host.at == '[') {
        const char *close = memchr(host.at, ']', rest_length(&host));
        if (!close)
            return "'[' without ']'";
        host.at++;
        host.end = close;
        authority->at = close + 1;
        for (const char *at = host.at; at < host.end; at++)
            if (!isxdigit((unsigned char)*at) && *at != ':' && *at != '.')
                return "not an IPv6 address in brackets";
    } else {
        const char *colon = memchr(host.at, ':', rest_length(&host));
        host.end = colon ? colon : host.end;
        authority->at = host.end;
        for (const char *at = host.at; at < host.end; at++)
            if (!isalnum((unsigned char)*at) && !strchr("-._~", *at))
                return "the host has a character that no name has";
    }
    if (rest_length(&host) == 0)
        return "no host";
    if (rest_length(&host) >= URL_HOST_BYTES)
        return "the host is longer than 255 characters";
    memcpy(url->host, host.at, rest_length(&host));
    url->host[rest_length(&host)] = '\0';
    return NULL;
}

static const char *take_port(struct rest *authority, struct url *url)
{
    url->port = url->tls ? PORT_HTTPS : PORT_HTTP;
    if (authority->at == authority->end)
        return NULL;
    if (*authority->at++ != ':')
        return "something follows the host that is not a port";
    unsigned port = 0;
    if (authority->at == authority->end)
        return "no port after ':'";
    for (; authority->at < authority->end; authority->at++) {
        if (!isdigit((unsigned char)*authority->at))
            return "the port is not a number";
        port = port * 10 + (unsigned)(*authority->at - '0');
        if (port > UINT16_MAX)
            return "the port is not in 1..65535";
    }
    url->port = (uint16_t)port;
    return port ? NULL : "the port is not in 1..65535";
}

static const char *take_target(struct rest rest, struct url *url)
{
    const char *fragment = memchr(rest.at, '#', rest_length(&rest));
    rest.end = fragment ? fragment : rest.end;
    bool has_slash = rest.at < rest.end && *rest.at == '/';
    size_t length = rest_length(&rest) + !has_slash;
    if (length >= URL_TARGET_BYTES)
        return "the path is longer than 2047 characters";
    url->target[0] = '/';
    memcpy(url->target + !has_slash, rest.at, rest_length(&rest));
    url->target[length] = '\0';
    return NULL;
}

int url_parse(const char *text, size_t length, struct url *out_url, struct error *err)
{
    struct url url = {0};
    struct rest rest = {text, text + length};
    if (!is_clean(text, length))
        return refuse(err, text, length, "a space, control or non-ASCII character (write it %XX)");
    if (skip_prefix(&rest, "https://"))
        url.tls = true;
    else if (!skip_prefix(&rest, "http://"))
        return refuse(err, text, length, "does not start with http:// or https://");
    struct rest authority = cut_authority(&rest);
    if (memchr(authority.at, '@', rest_length(&authority)))
        return refuse(err, text, length, "user names in URLs are not supported");
    const char *why = take_host(&authority, &url);
    why = why ? why : take_port(&authority, &url);
    why = why ? why : take_target(rest, &url);
    if (why)
        return refuse(err, text, length, why);
    *out_url = url;
    return 0;
}

const char *url_format_authority(const struct url *url, char text[URL_AUTHORITY_BYTES])
{
    bool bracket = strchr(url->host, ':') != NULL;
    int length = snprintf(text, URL_AUTHORITY_BYTES, "%s%s%s", bracket ? "[" : "", url->host,
                          bracket ? "]" : "");
    if (url->port != (url->tls ? PORT_HTTPS : PORT_HTTP))
        snprintf(text + length, URL_AUTHORITY_BYTES - (size_t)length, ":%u", url->port);
    return text;
}
