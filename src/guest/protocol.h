/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * protocol: what the guest-side runner (guest/runner/) says on its standard output, read by the
 * channel. A run goes:
 *
 *     vtax-guest-1 ready
 *     (the channel may send PROTOCOL_PING, to learn how long a line takes there and back)
 *     vtax-guest-1 pong
 *     (the channel sends one line, PROTOCOL_GO: the barrier)
 *     vtax-guest-1 result status=0 guest_ns=12 user_ns=3 system_ns=4 output_bytes=6 error_bytes=0
 *     (output_bytes bytes of the program's standard output, then error_bytes of standard error)
 *
 * or, at any point, one line that says why there will be no result:
 *
 *     vtax-guest-1 failed code=2 start 'bzip3': No such file or directory
 *
 * The program's output is kept in files while it runs, so that it costs no network in the measured
 * time and cannot be mistaken for the protocol. Closing the runner's standard input before the
 * barrier gives the run up; closing it while the program runs kills the program.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTOCOL_MAGIC "vtax-guest-1 "
#define PROTOCOL_PING "?\n"
#define PROTOCOL_GO "go\n"
#define PROTOCOL_LINE_MAX 512                    /* longest line, newline included */
#define PROTOCOL_OUTPUT_MAX (UINT64_C(16) << 20) /* of standard output; what is more is dropped */
#define PROTOCOL_ERROR_MAX (UINT64_C(64) << 10)  /* of standard error; the end of it is kept */
#define PROTOCOL_RUNNER_NAME "vtax-guest"

enum protocol_kind {
    PROTOCOL_NOISE, /* a line that is not ours, e.g. printed by a login script: skip it */
    PROTOCOL_READY,
    PROTOCOL_PONG,
    PROTOCOL_RESULT,
    PROTOCOL_FAILED,
};

struct protocol_message {
    enum protocol_kind kind;
    /* PROTOCOL_RESULT */
    int status;        /* exit code, or 256 + the signal that ended it */
    uint64_t guest_ns; /* CLOCK_MONOTONIC around the program */
    uint64_t user_ns;  /* CPU time of the program and its children that it waited for */
    uint64_t system_ns;
    uint64_t output_bytes; /* <= PROTOCOL_OUTPUT_MAX */
    uint64_t error_bytes;  /* <= PROTOCOL_ERROR_MAX */
    /* PROTOCOL_FAILED */
    int code; /* errno, positive */
    char text[PROTOCOL_LINE_MAX];
};

/* Reads one line from the start of buf (length bytes, any content). Returns the bytes that it takes
 * including the newline, 0 when the line is not complete, -EBADMSG when it begins like ours but is
 * not well formed, -EMSGSIZE when it is longer than PROTOCOL_LINE_MAX. */
ssize_t protocol_parse(const char *buf, size_t length, struct protocol_message *out_message)
    __attribute__((warn_unused_result));

/* Writes one line with its newline and a NUL; returns its length without the NUL. Control
 * characters in the text become spaces, and a long text is cut. */
size_t protocol_format(const struct protocol_message *message,
                       char out_line[PROTOCOL_LINE_MAX + 1]);
