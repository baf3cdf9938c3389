/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level current_level = LOG_WARN;

void log_set_level(enum log_level level)
{
    current_level = level;
}

enum log_level log_get_level(void)
{
    return current_level;
}

static void print_line(enum log_level level, const char *mark, const char *format, va_list ap)
{
    if (level > current_level)
        return;
    char line[2048];
    vsnprintf(line, sizeof(line), format, ap);
    /* One call, so that lines of several threads do not mix. */
    fprintf(stderr, "vtax: %s%s\n", mark, line);
}

void log_warn(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(LOG_WARN, "warning: ", format, ap);
    va_end(ap);
}

void log_info(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(LOG_INFO, "", format, ap);
    va_end(ap);
}

void log_debug(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(LOG_DEBUG, "debug: ", format, ap);
    va_end(ap);
}

void log_error(const struct error *err)
{
    fprintf(stderr, "vtax: %s\n", err->text);
}
