/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * option_ops: what the types of options do, for option.c alone.
 */
#pragma once

#include "base/option.h"
#include "base/strbuf.h"

/* How each type is parsed, printed, copied and freed. parse() sets an empty field. */
struct option_ops {
    const char *what;
    const char *example;
    size_t bytes; /* of the field */
    int (*parse)(const struct option *option, void *field, const char *text, struct error *err);
    bool (*format)(const struct option *option, const void *field, struct strbuf *out);
    void (*done)(void *field); /* NULL: owns nothing */
    void (*own)(void *field);  /* after a bytewise copy: makes what it points to its own */
    bool is_list;
};

extern const struct option_ops option_ops[]; /* by enum option_type */
