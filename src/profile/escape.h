/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * escape: text for JSON and HTML. Names of functions come from files of unknown origin.
 */
#pragma once

#include "base/strbuf.h"

/* A string with its quotes, pure ASCII: other bytes become '?'. Nothing in it can end a <script>.
 */
void escape_json(struct strbuf *out, const char *text);
void escape_html_text(struct strbuf *out, const char *text);
