/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/terminal.h"

#include <math.h>
#include <string.h>

#include "report/escape.h"

const char *terminal_paint(const struct terminal *terminal, const char *code)
{
    return terminal->style->colour ? code : "";
}

const char *terminal_verdict_colour(const struct terminal *terminal, enum verdict verdict)
{
    static const char *const codes[] = {
        [VERDICT_UNDECIDED] = "\x1b[2m",
        [VERDICT_SLOWER] = "\x1b[33m",
        [VERDICT_FASTER] = "\x1b[36m",
        [VERDICT_SAME] = "\x1b[0m",
    };
    return terminal_paint(terminal, codes[verdict]);
}

void terminal_put(const struct terminal *terminal, const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, terminal->style->unicode);
    fputs(buf.text, terminal->out);
}

void terminal_put_padded(const struct terminal *terminal, const char *text, int columns)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, terminal->style->unicode);
    int have = (int)escape_columns(buf.text);
    if (have > columns) {
        size_t at = 0;
        for (int i = 0; i < columns - 1; i++)
            do
                at++;
            while (((unsigned char)buf.text[at] & 0xc0) == 0x80);
        strbuf_truncate(&buf, at);
        strbuf_adds(&buf, terminal->style->unicode ? "\u2026" : "~");
        have = columns;
    }
    fprintf(terminal->out, "%s%*s", buf.text, columns - have, "");
}

void terminal_put_wrapped(const struct terminal *terminal, const char *text, int used, int indent)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, terminal->style->unicode);
    char *rest = NULL;
    bool first = true;
    for (char *word = strtok_r(buf.text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int columns = (int)escape_columns(word);
        if (!first && used + 1 + columns > TERMINAL_COLUMNS) {
            fprintf(terminal->out, "\n%*s", indent, "");
            used = indent;
        } else if (!first) {
            fputc(' ', terminal->out);
            used++;
        }
        fputs(word, terminal->out);
        used += columns;
        first = false;
    }
    fputc('\n', terminal->out);
}

void terminal_put_rule(const struct terminal *terminal)
{
    for (int i = 0; i < TERMINAL_COLUMNS; i++)
        fputs(terminal->style->unicode ? "\u2500" : "-", terminal->out);
    fputc('\n', terminal->out);
}

void terminal_put_bar(const struct terminal *terminal, double share, int width)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    if (!isfinite(share) || share < 0)
        return;
    int units = (int)lround(fmin(share, 1) * width * 8);
    if (!terminal->style->unicode)
        units = (units + 4) / 8 * 8;
    for (int i = 0; i < units / 8; i++)
        fputs(terminal->style->unicode ? "\u2588" : "#", terminal->out);
    fputs(eighths[units % 8], terminal->out);
}
