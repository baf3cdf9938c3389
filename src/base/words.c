/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define WORD_MAX 40 /* longer ones are not slips of a known word */

static unsigned char fold(char byte)
{
    return byte == '_' ? '-' : (unsigned char)tolower((unsigned char)byte);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, remove, replace, swap neighbours) that turn a into b: optimal string alignment
 * distance, with three rows of the table kept. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        const size_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *words_find_nearest(const char *const *words, const char *word)
{
    const char *nearest = NULL;
    size_t nearest_distance = 1 + strlen(word) / 4; /* one slip in a short word, more in a long */
    for (; *words; words++) {
        size_t d = distance(word, *words);
        if (d > nearest_distance || (nearest && d == nearest_distance))
            continue;
        if (d >= strlen(*words)) /* nothing of it is left */
            continue;
        nearest = *words;
        nearest_distance = d;
    }
    return nearest;
}

int words_set_unknown(struct error *err, const char *what, const char *word,
                      const char *const *known)
{
    CLEANUP_STRBUF struct strbuf list;
    strbuf_init(&list);
    const char *nearest = words_find_nearest(known, word);
    if (nearest)
        strbuf_addf(&list, "did you mean '%s'? ", nearest);
    strbuf_adds(&list, "known:");
    for (size_t i = 0; known[i]; i++)
        strbuf_addf(&list, "%s %s", i ? "," : "", known[i]);
    if (!known[0])
        strbuf_adds(&list, " none");
    return error_set(err, ERROR_USAGE, -EINVAL, "unknown %s '%.80s' (%s)", what, word, list.text);
}

bool words_contain(const char *const *words, const char *word)
{
    for (; *words; words++)
        if (!strcmp(*words, word))
            return true;
    return false;
}

/* Bytes of the sequence that starts at text, 0 when it is not valid. */
static size_t sequence_length(const unsigned char *text, size_t length)
{
    if (text[0] < 0x80)
        return text[0] != 0;
    size_t need = text[0] < 0xc2   ? 0
                  : text[0] < 0xe0 ? 2
                  : text[0] < 0xf0 ? 3
                  : text[0] < 0xf5 ? 4
                                   : 0;
    if (need == 0 || need > length)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool surrogate = text[0] == 0xed && text[1] >= 0xa0;
    bool beyond = text[0] == 0xf4 && text[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : need;
}

size_t words_check_utf8(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = sequence_length((const unsigned char *)text + at, length - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}
