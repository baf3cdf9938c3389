/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session: one SSH connection (libssh, whose only door this is) and the commands that run in it.
 * Everything is non-blocking underneath: every wait heeds its deadline, the user's Ctrl-C, the loss
 * of the connection and the death of the machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "guest/channel.h"

#define STREAM_OUT_MAX ((size_t)64 << 20) /* what a command prints beyond this is dropped */
#define STREAM_ERROR_MAX ((size_t)64 << 10)

struct session;

/* Connects and authenticates. Text in options is copied. */
int session_open(const struct channel_options *options, struct session **out_session,
                 struct error *err) __attribute__((warn_unused_result));
const char *session_address(const struct session *session);
struct session *session_close(struct session *session);

/* One command. The fields are for reading. */
struct stream {
    struct session *session;
    void *ssh;           /* ssh_channel */
    void *callbacks;     /* struct ssh_channel_callbacks_struct */
    struct strbuf out;   /* standard output so far */
    struct strbuf error; /* standard error so far */
    int status;          /* exit code, 256 + signal; -1: not yet known */
    bool eof;
    bool closed;
    void *owner; /* for done() below */
};

/* Starts `command`, which the machine's shell reads: quote with session_quote(). */
int stream_open(struct session *session, const char *command, uint64_t deadline_ns,
                struct stream **out_stream, struct error *err) __attribute__((warn_unused_result));
int stream_write(struct stream *stream, const void *bytes, size_t length, uint64_t deadline_ns,
                 struct error *err) __attribute__((warn_unused_result));
int stream_end_input(struct stream *stream, struct error *err) __attribute__((warn_unused_result));
bool stream_is_done(struct stream *stream);
struct stream *stream_free(struct stream *stream);

/* Handles what arrives on the streams' connections until done() says so for each of them. The
 * deadline is on clock_monotonic_ns(), 0: none. -ETIMEDOUT, -EINTR, -EIO (connection lost), or what
 * the alive hook returns. */
int stream_wait(struct stream *const *streams, size_t count, bool (*done)(struct stream *),
                uint64_t deadline_ns, struct error *err) __attribute__((warn_unused_result));

/* One word for a POSIX shell, which will take every byte of it literally. */
void session_quote(struct strbuf *buf, const char *word);
