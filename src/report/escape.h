/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * escape: text of unknown origin (plan names, console lines, causes) made harmless for where it
 * goes. Every escape also repairs UTF-8: a wrong byte becomes U+FFFD.
 */
#pragma once

#include <stdbool.h>

#include "base/strbuf.h"

/* Valid UTF-8, nothing else changed; the caller's to free. NULL gives NULL. */
char *escape_utf8(const char *text);

/* For a terminal: control characters (C0, DEL, C1) and what reverses the reading direction become
 * '?', without unicode every character beyond ASCII does. No line breaks come out. */
void escape_terminal(struct strbuf *buf, const char *text, bool unicode);

/* One field of RFC 4180, quoted where needed. A text that a spreadsheet would take for a formula
 * gets an apostrophe in front. */
void escape_csv(struct strbuf *buf, const char *text);

/* For text and quoted attributes of HTML; control characters but tab and line feed become U+FFFD.
 */
void escape_html(struct strbuf *buf, const char *text);

/* JSON made for <script>: nothing in it can end the element, and it is pure ASCII. json must be
 * ASCII JSON, where '<', '>' and '&' occur in strings only. */
void escape_script(struct strbuf *buf, const char *json);

/* Columns that valid UTF-8 takes on a terminal, one for each character. */
size_t escape_columns(const char *text);
