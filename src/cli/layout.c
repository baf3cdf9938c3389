/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/layout.h"

#include <stdbool.h>
#include <string.h>

static size_t width_of(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += (text[i] & 0xc0) != 0x80;
    return width;
}

size_t layout_width(const char *text)
{
    return width_of(text, strlen(text));
}

static void add_spaces(struct strbuf *out, size_t count)
{
    while (count-- > 0)
        strbuf_addc(out, ' ');
}

void layout_add_wrapped(struct strbuf *out, const char *text, size_t column, size_t indent)
{
    bool first = true;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        size_t width = width_of(text, length);
        if (!first && column + 1 + width > LAYOUT_WIDTH) {
            strbuf_addc(out, '\n');
            add_spaces(out, indent);
            column = indent;
        } else if (!first) {
            strbuf_addc(out, ' ');
            column++;
        }
        strbuf_add(out, text, length);
        column += width;
        text += length;
        first = false;
    }
}

void layout_add_row(struct strbuf *out, const char *left, const char *right, size_t indent)
{
    size_t width = 2 + layout_width(left);
    strbuf_addf(out, "  %s", left);
    if (*right && width + 2 > indent) {
        strbuf_addc(out, '\n');
        width = 0;
    }
    if (*right)
        add_spaces(out, indent - width);
    layout_add_wrapped(out, right, indent, indent);
    strbuf_addc(out, '\n');
}
