/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * screen: what stands in each cell of a terminal, before any terminal sees it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum screen_style {
    SCREEN_PLAIN,
    SCREEN_TITLE,
    SCREEN_HEADING,
    SCREEN_SELECTED,
    SCREEN_DIM,
    SCREEN_BAD,
    SCREEN_STYLE_COUNT,
};

struct screen_cell {
    uint32_t character; /* Unicode; 0: the right half of the character before */
    enum screen_style style;
};

struct screen {
    int rows, columns;
    bool unicode; /* whether the terminal can show more than ASCII */
    struct screen_cell *cells;
};

#define SCREEN_BYTES_MAX 4
/* A character in UTF-8; how many bytes it has. */
size_t screen_encode(uint32_t character, char bytes[SCREEN_BYTES_MAX]);

/* All blank. Sizes below 1 are taken for 1. */
void screen_init(struct screen *screen, int rows, int columns, bool unicode);
/* Text of any origin, made harmless; what is outside is cut off. Returns the column behind it. */
int screen_put(struct screen *screen, int row, int column, enum screen_style style,
               const char *text);
int screen_putf(struct screen *screen, int row, int column, enum screen_style style,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same, cut or filled to a width; to the right when it is a number. */
int screen_put_cell(struct screen *screen, int row, int column, int width, bool right,
                    enum screen_style style, const char *text);
/* Where a text of several rows goes. */
struct screen_lines {
    int row, end;       /* not on the row `end` or below */
    int column, indent; /* of the first row, and of the others */
    enum screen_style style;
};
/* Text broken between words; what does not fit is cut off, with an ellipsis. Returns the row behind
 * it, also where the rows are outside of the screen. */
int screen_put_lines(struct screen *screen, const struct screen_lines *lines, const char *text);
/* Gives a whole row this style. */
void screen_style_row(struct screen *screen, int row, enum screen_style style);
/* Makes a row blank. */
void screen_clear_row(struct screen *screen, int row);
/* The row in UTF-8 without blanks at its end, the caller's to free. */
char *screen_row_text(const struct screen *screen, int row);
void screen_done(struct screen *screen);
#define CLEANUP_SCREEN CLEANUP(screen_done)
