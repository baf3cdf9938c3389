/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * words: which words would have done, for errors about one that does not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* The word of the NULL-terminated list that `word` is most likely a slip of (case, '_' for '-', a
 * letter or two wrong, missing, too many or swapped); NULL when none is near. */
const char *words_find_nearest(const char *const *words, const char *word);

/* Sets err to "unknown WHAT 'WORD' (did you mean 'x'? known: a, b, c)", ERROR_USAGE, and returns
 * -EINVAL. */
int words_set_unknown(struct error *err, const char *what, const char *word,
                      const char *const *known);

bool words_contain(const char *const *words, const char *word);

/* The number of bytes at the start of text that are valid UTF-8 (RFC 3629) without NUL; length when
 * all are. */
size_t words_check_utf8(const char *text, size_t length);
