/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "report/escape.h"
#include "top/text.h"

void screen_init(struct screen *screen, int rows, int columns, bool unicode)
{
    *screen = (struct screen){.rows = rows > 0 ? rows : 1, .columns = columns > 0 ? columns : 1};
    screen->unicode = unicode;
    size_t count = (size_t)screen->rows * (size_t)screen->columns;
    screen->cells = mem_array(count, sizeof(screen->cells[0]));
    for (size_t i = 0; i < count; i++)
        screen->cells[i] = (struct screen_cell){.character = ' '};
}

/* text is valid UTF-8. */
static uint32_t next_character(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    int more = at[0] < 0x80 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    uint32_t character = more ? at[0] & (0x3fu >> more) : at[0];
    for (int i = 1; i <= more; i++)
        character = character << 6 | (at[i] & 0x3f);
    *text += more + 1;
    return character;
}

/* Characters of two columns take two cells; what takes none is not shown. */
int screen_put(struct screen *screen, int row, int column, enum screen_style style,
               const char *text)
{
    CLEANUP_STRBUF struct strbuf safe;
    strbuf_init(&safe);
    escape_terminal(&safe, text, screen->unicode);
    for (const char *at = safe.text; *at;) {
        uint32_t character = next_character(&at);
        int width = character < 0x80 ? 1 : wcwidth((wchar_t)character);
        if (width == 0)
            continue;
        if (width < 0)
            character = '?';
        width = width == 2 ? 2 : 1;
        if (row < 0 || row >= screen->rows || column < 0 || column + width > screen->columns)
            return column;
        struct screen_cell *cell = &screen->cells[row * screen->columns + column];
        for (int i = 0; i < width; i++)
            cell[i] = (struct screen_cell){i ? 0 : character, style};
        column += width;
    }
    return column;
}

int screen_putf(struct screen *screen, int row, int column, enum screen_style style,
                const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    return screen_put(screen, row, column, style, text);
}

int screen_put_cell(struct screen *screen, int row, int column, int width, bool right,
                    enum screen_style style, const char *text)
{
    CLEANUP_STRBUF struct strbuf cell;
    strbuf_init(&cell);
    text_add_cell(&cell, text, width, right, screen->unicode);
    screen_put(screen, row, column, style, cell.text);
    return column + width;
}

int screen_put_lines(struct screen *screen, const struct screen_lines *lines, const char *text)
{
    CLEANUP_STRBUF struct strbuf safe;
    strbuf_init(&safe);
    escape_terminal(&safe, text, screen->unicode);
    int row = lines->row, start = lines->column, column = start;
    char *rest = safe.text;
    if (row >= lines->end)
        return row;
    for (const char *word; (word = strsep(&rest, " "));) {
        int width = (int)escape_columns(word), blank = column > start;
        if (blank && column + 1 + width > screen->columns) {
            if (row + 1 >= lines->end) {
                int last = column + 1 < screen->columns ? column + 1 : screen->columns - 1;
                screen_put(screen, row, last, lines->style, screen->unicode ? "\u2026" : "~");
                break;
            }
            row++;
            column = start = lines->indent;
            blank = 0;
        }
        screen_put(screen, row, column + blank, lines->style, word);
        column += blank + width;
    }
    return row + 1;
}

void screen_style_row(struct screen *screen, int row, enum screen_style style)
{
    if (row < 0 || row >= screen->rows)
        return;
    for (int i = 0; i < screen->columns; i++)
        screen->cells[row * screen->columns + i].style = style;
}

void screen_clear_row(struct screen *screen, int row)
{
    for (int i = 0; row >= 0 && row < screen->rows && i < screen->columns; i++)
        screen->cells[row * screen->columns + i] = (struct screen_cell){.character = ' '};
}

size_t screen_encode(uint32_t character, char bytes[SCREEN_BYTES_MAX])
{
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    int more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    for (int i = more; i > 0; i--, character >>= 6)
        bytes[i] = (char)(0x80 | (character & 0x3f));
    bytes[0] = (char)(first[more] | character);
    return (size_t)more + 1;
}

char *screen_row_text(const struct screen *screen, int row)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    for (int i = 0; i < screen->columns; i++) {
        uint32_t character = screen->cells[row * screen->columns + i].character;
        char bytes[SCREEN_BYTES_MAX];
        if (character)
            strbuf_add(&out, bytes, screen_encode(character, bytes));
    }
    while (out.length && out.text[out.length - 1] == ' ')
        strbuf_truncate(&out, out.length - 1);
    return strbuf_take(&out);
}

void screen_done(struct screen *screen)
{
    free(screen->cells);
    *screen = (struct screen){0};
}
