/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/units.h"

#define BAR_WIDTH 16

void progress_init(struct progress *progress)
{
    const char *terminal = getenv("TERM");
    *progress = (struct progress){
        .on_terminal = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0,
        .start_ns = clock_monotonic_ns(),
    };
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

void progress_show(struct progress *progress, double share, uint64_t left_ns, const char *format,
                   ...)
{
    if (!progress->on_terminal)
        return;
    CLEANUP_STRBUF struct strbuf line;
    strbuf_init(&line);
    if (share >= 0) {
        size_t filled = (size_t)(share * BAR_WIDTH + 0.5);
        strbuf_addc(&line, '[');
        for (size_t i = 0; i < BAR_WIDTH; i++)
            strbuf_addc(&line, i < filled ? '#' : '.');
        strbuf_addf(&line, "] %3.0f%% ", share * 100);
    }
    char text[UNITS_TEXT_MAX];
    uint64_t elapsed_ns = clock_monotonic_ns() - progress->start_ns;
    strbuf_adds(&line, units_format_elapsed(elapsed_ns, text));
    if (left_ns)
        strbuf_addf(&line, ", %s left", units_format_elapsed(left_ns, text));
    strbuf_adds(&line, "  ");
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *what = mem_vprintf(format, ap);
    va_end(ap);
    strbuf_adds(&line, what);
    size_t width = terminal_width() - 1;
    if (line.length > width)
        strbuf_truncate(&line, width);
    fprintf(stderr, "\r\033[K%s", line.text);
    fflush(stderr);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->shown = false;
}
