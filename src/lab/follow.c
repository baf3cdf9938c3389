/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/units.h"

#define MARK '\036'
#define LINE_MAX_BYTES 1000
#define POLL_MS 500

void follow_init(struct follow *follow)
{
    *follow = (struct follow){.at_start = true, .status = -1};
    strbuf_init(&follow->line);
    strbuf_init(&follow->last);
}

void follow_done(struct follow *follow)
{
    strbuf_done(&follow->line);
    strbuf_done(&follow->last);
    free(follow->failure);
}

static const char *after(const char *line, const char *word)
{
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 ? line + length : NULL;
}

static void take_line(struct follow *follow)
{
    const char *text = follow->line.text;
    const char *rest;
    if ((rest = after(text, "end "))) {
        uint64_t status;
        follow->ended = true;
        follow->status = units_parse_count(rest, &status) == 0 && status < 256 ? (int)status : 255;
    } else if ((rest = after(text, "fail ")) && !follow->failure) {
        follow->failure = mem_strdup(rest);
    } else if (after(text, "stage measuring")) {
        follow->measuring = true;
    }
    strbuf_truncate(&follow->line, 0);
}

/* Keeps the last line with something in it. */
static void remember(struct follow *follow, char byte)
{
    if (follow->at_start && byte != '\n' && byte != '\r')
        strbuf_truncate(&follow->last, 0);
    if (byte >= ' ' && follow->last.length < LINE_MAX_BYTES)
        strbuf_addc(&follow->last, byte);
}

void follow_take(struct follow *follow, const char *bytes, size_t length,
                 void (*print)(const char *bytes, size_t length))
{
    for (const char *end = bytes + length; bytes < end; bytes++) {
        if (follow->in_line) {
            if (*bytes == '\n') {
                follow->in_line = false;
                take_line(follow);
            } else if (follow->line.length < LINE_MAX_BYTES && *bytes != '\r') {
                strbuf_addc(&follow->line, *bytes);
            }
            continue;
        }
        if (*bytes == MARK) {
            follow->in_line = true;
            continue;
        }
        remember(follow, *bytes);
        follow->at_start = *bytes == '\n';
        print(bytes, 1);
    }
}

static void print_to_error(const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, stderr);
}

static void show_boot(const struct follow *follow, const struct follow_options *options)
{
    if (options->progress && !follow->measuring)
        progress_show(options->progress, -1, 0, "lab: the emulated server boots with %s",
                      options->hypervisor);
}

static int check(const struct follow *follow, const struct follow_options *options,
                 uint64_t deadline_ns, struct error *err)
{
    int rc = interrupt_check(err);
    if (rc < 0 || follow->measuring || clock_monotonic_ns() < deadline_ns)
        return rc;
    char limit[UNITS_TEXT_MAX];
    return error_set(err, ERROR_FAILED, -ETIMEDOUT,
                     "boot the emulated server with %s: it was not ready within %s (--boot-timeout "
                     "gives it longer)",
                     options->hypervisor, units_format_duration(options->boot_timeout_ns, limit));
}

/* Asked only when there is nothing to read: we may have been stopped for longer than the server was
 * silent. */
static int check_silence(const struct follow *follow, const struct follow_options *options,
                         uint64_t heard_ns, struct error *err)
{
    if (!follow->measuring || clock_monotonic_ns() - heard_ns < options->silence_timeout_ns)
        return 0;
    char limit[UNITS_TEXT_MAX];
    return error_set(
        err, ERROR_FAILED, -ETIMEDOUT,
        "the emulated server with %s hangs: it gave no sign of life for %s (--silence-timeout lets "
        "it be silent for longer)",
        options->hypervisor, units_format_duration(options->silence_timeout_ns, limit));
}

/* Takes what is there to read. 1: QEMU has ended. */
static int read_port(struct follow *follow, const struct follow_options *options, struct error *err)
{
    char chunk[4096];
    ssize_t got = read(options->port_fd, chunk, sizeof(chunk));
    if (got < 0 && errno != EINTR)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read from QEMU");
    if (got > 0 && options->progress && follow->measuring)
        progress_clear(options->progress);
    if (got > 0)
        follow_take(follow, chunk, (size_t)got, print_to_error);
    fflush(stderr);
    return got == 0;
}

static int judge(const struct follow *follow, const struct follow_options *options,
                 struct error *err)
{
    if (follow->failure)
        return error_set(err, ERROR_FAILED, -EIO, "start %s in the emulated server: %s",
                         options->hypervisor, follow->failure);
    if (follow->ended)
        return 0;
    return error_set(err, ERROR_FAILED, -EIO, "the emulated server with %s died %s",
                     options->hypervisor,
                     follow->measuring ? "while it measured" : "before it measured anything");
}

int follow_run(struct follow *follow, const struct follow_options *options, struct error *err)
{
    uint64_t deadline_ns = clock_monotonic_ns() + options->boot_timeout_ns;
    uint64_t heard_ns = clock_monotonic_ns();
    int rc = 0;
    while (rc == 0 && !follow->ended) {
        rc = check(follow, options, deadline_ns, err);
        if (rc < 0)
            return rc;
        show_boot(follow, options);
        struct pollfd ready = {.fd = options->port_fd, .events = POLLIN};
        int count = poll(&ready, 1, POLL_MS);
        if (count > 0) {
            rc = read_port(follow, options, err);
            heard_ns = clock_monotonic_ns();
        } else if (count == 0) {
            rc = check_silence(follow, options, heard_ns, err);
        }
    }
    if (rc < 0)
        return rc;
    if (options->progress)
        progress_clear(options->progress);
    return judge(follow, options, err);
}
