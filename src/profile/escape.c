/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/escape.h"

#include <string.h>

void escape_json(struct strbuf *out, const char *text)
{
    strbuf_addc(out, '"');
    for (; *text; text++) {
        char c = *text < ' ' || *text > '~' ? '?' : *text;
        if (strchr("\"\\<>&", c))
            strbuf_addf(out, "\\u%04x", c);
        else
            strbuf_addc(out, c);
    }
    strbuf_addc(out, '"');
}

void escape_html_text(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text < ' ' || *text > '~' ? '?' : *text;
        if (strchr("\"'<>&", c))
            strbuf_addf(out, "&#%d;", c);
        else
            strbuf_addc(out, c);
    }
}
