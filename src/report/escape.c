/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT 0xfffd

/* Length of the sequence that a lead byte begins; 0: not a lead byte. */
static size_t sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool is_scalar(uint32_t code, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return code >= least[length] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/* The next character of *at, which moves past it; REPLACEMENT for a wrong byte. */
static uint32_t next_character(const char **at)
{
    const unsigned char *bytes = (const unsigned char *)*at;
    size_t length = sequence_length(bytes[0]);
    uint32_t code = length <= 1 ? bytes[0] : bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) { /* the NUL at the end too */
            length = 0;
            break;
        }
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (length == 0 || !is_scalar(code, length)) {
        (*at)++;
        return REPLACEMENT;
    }
    *at += length;
    return code;
}

static void add_character(struct strbuf *buf, uint32_t code)
{
    char bytes[4];
    size_t length = 1;
    if (code < 0x80) {
        bytes[0] = (char)code;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        length = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        length = 3;
    } else {
        bytes[0] = (char)(0xf0 | code >> 18);
        length = 4;
    }
    for (size_t i = 1; i < length; i++)
        bytes[i] = (char)(0x80 | ((code >> (6 * (length - 1 - i))) & 0x3f));
    strbuf_add(buf, bytes, length);
}

char *escape_utf8(const char *text)
{
    if (!text)
        return NULL;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    while (*text)
        add_character(&buf, next_character(&text));
    return strbuf_take(&buf);
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Marks and overrides that change the direction in which what follows is shown, and separators of
 * lines and paragraphs. */
static bool is_direction(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void escape_terminal(struct strbuf *buf, const char *text, bool unicode)
{
    while (*text) {
        uint32_t code = next_character(&text);
        if (is_control(code) || is_direction(code) || (!unicode && code >= 0x80))
            code = '?';
        add_character(buf, code);
    }
}

void escape_csv(struct strbuf *buf, const char *text)
{
    bool formula = text[0] && strchr("=+-@\t\r\n", text[0]);
    bool quoted = formula || strpbrk(text, ",\"\r\n") || text[0] == ' ' ||
                  (text[0] && text[strlen(text) - 1] == ' ');
    if (quoted)
        strbuf_addc(buf, '"');
    if (formula)
        strbuf_addc(buf, '\'');
    while (*text) {
        uint32_t code = next_character(&text);
        if (code == '"')
            strbuf_addc(buf, '"');
        add_character(buf, code);
    }
    if (quoted)
        strbuf_addc(buf, '"');
}

static const char *html_entity(uint32_t code)
{
    switch (code) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void escape_html(struct strbuf *buf, const char *text)
{
    while (*text) {
        uint32_t code = next_character(&text);
        const char *entity = html_entity(code);
        if (entity)
            strbuf_adds(buf, entity);
        else if ((is_control(code) && code != '\n' && code != '\t') || is_direction(code))
            add_character(buf, REPLACEMENT);
        else
            add_character(buf, code);
    }
}

void escape_script(struct strbuf *buf, const char *json)
{
    for (; *json; json++) {
        if (*json == '<' || *json == '>' || *json == '&')
            strbuf_addf(buf, "\\u%04x", *json);
        else
            strbuf_addc(buf, *json);
    }
}

size_t escape_columns(const char *text)
{
    size_t columns = 0;
    while (*text) {
        next_character(&text);
        columns++;
    }
    return columns;
}
