/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * strbuf: text that grows. Always NUL-terminated; text is never NULL after strbuf_init().
 */
#pragma once

#include "base/mem.h"

struct strbuf {
    char *text;
    size_t length; /* bytes before the NUL */
    size_t capacity;
};

void strbuf_init(struct strbuf *buf);
void strbuf_add(struct strbuf *buf, const char *bytes, size_t length);
void strbuf_adds(struct strbuf *buf, const char *text);
void strbuf_addc(struct strbuf *buf, char byte);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Cuts to length, which must not exceed the present one. */
void strbuf_truncate(struct strbuf *buf, size_t length);
/* Hands the text over to the caller (free()) and leaves an empty buffer. */
char *strbuf_take(struct strbuf *buf);
void strbuf_done(struct strbuf *buf);
#define CLEANUP_STRBUF CLEANUP(strbuf_done)
