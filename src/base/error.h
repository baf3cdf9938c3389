/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * error: what went wrong, in one line, and which exit code it means.
 *
 * The caller owns the object and passes it as the last parameter; NULL is allowed where the caller
 * does not care. It is written on failure only. Whoever returns an error does not print it; whoever
 * handles it prints it once. A message names the step, quotes the object, gives the cause and,
 * where there is one, the remedy: "open plan 'x.yaml': line 7: unknown workload 'bzip3' (known:
 * ...)".
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* The value is the exit code of the program. */
enum error_kind {
    ERROR_FAILED = 1,      /* the measured thing failed */
    ERROR_USAGE = 2,       /* the user asked for something that cannot be */
    ERROR_ENVIRONMENT = 3, /* this host lacks something */
    ERROR_INTERNAL = 4,    /* our own fault */
};

struct error {
    enum error_kind kind;
    int code; /* negative errno, 0 while nothing has failed */
    char text[1024];
};

/* Sets err (NULL allowed) from a printf format and returns code (a negative errno), so that one
 * line makes and returns. Control characters in the result are replaced, so that a message is one
 * line. */
int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "what: " before the text of an error that is already set and returns its code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "; what" behind the text of an error that is already set and returns its code. Where both
 * are too long it is the text that is cut, so that what is put there is whole, also after a short
 * error_prefix(). */
int error_suffix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* error_set() with ": " and strerror(-code) after the text. */
int error_set_errno(struct error *err, enum error_kind kind, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
