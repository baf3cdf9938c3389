/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_ROOM 64 /* what error_suffix() leaves for error_prefix() */
#define CUT "...; "    /* where it left text out */

static void flatten(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void set_text(struct error *err, enum error_kind kind, int code, const char *format,
                     va_list ap)
{
    err->kind = kind;
    err->code = code;
    vsnprintf(err->text, sizeof(err->text), format, ap);
    flatten(err->text);
}

int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
{
    assert(code < 0);
    if (err) {
        va_list ap;
        va_start(ap, format);
        set_text(err, kind, code, format, ap);
        va_end(ap);
    }
    return code;
}

int error_set_errno(struct error *err, enum error_kind kind, int code, const char *format, ...)
{
    assert(code < 0);
    if (err) {
        va_list ap;
        va_start(ap, format);
        set_text(err, kind, code, format, ap);
        va_end(ap);
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(-code));
    }
    return code;
}

int error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char what[sizeof(err->text)];
    char rest[sizeof(err->text)];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    memcpy(rest, err->text, sizeof(rest));
    int used = snprintf(err->text, sizeof(err->text), "%.400s: ", what);
    int room = (int)sizeof(err->text) - used;
    snprintf(err->text + used, (size_t)room, "%.*s", room - 1, rest);
    flatten(err->text);
    return err->code;
}

int error_suffix(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char what[sizeof(err->text) - PREFIX_ROOM];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    size_t more = strlen(CUT) + strlen(what);
    size_t room = sizeof(what) > more ? sizeof(what) - 1 - more : 0;
    bool fits = used <= room;
    char *end = err->text + (fits ? used : room);
    snprintf(end, sizeof(err->text) - (size_t)(end - err->text), "%s%s", fits ? "; " : CUT, what);
    flatten(err->text);
    return err->code;
}
