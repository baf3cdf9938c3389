/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * follow: reads what the emulated server writes to its port: what the job prints goes to standard
 * error, lines that start with the byte 1E are the server's own (init.sh).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/strbuf.h"

struct follow {
    struct strbuf line; /* a line of the server's own, as far as it has come */
    bool in_line;
    bool at_start;  /* of a line */
    bool measuring; /* the job has begun */
    bool ended;
    int status;         /* the job's, once ended */
    char *failure;      /* why there was no job; NULL: there was */
    struct strbuf last; /* the last line that the job printed, for errors */
};

void follow_init(struct follow *follow);
void follow_done(struct follow *follow);
#define CLEANUP_FOLLOW CLEANUP(follow_done)

/* Takes the next bytes. Calls print with what is the job's. */
void follow_take(struct follow *follow, const char *bytes, size_t length,
                 void (*print)(const char *bytes, size_t length));

struct follow_options {
    int port_fd;
    pid_t pid; /* of the emulator */
    uint64_t boot_timeout_ns;
    uint64_t silence_timeout_ns; /* without a byte once it measures; init.sh writes every minute */
    const char *hypervisor;      /* for messages */
    struct progress *progress;
};

/* Reads until the job has ended (0), or negative: -EINTR, -ETIMEDOUT (not measuring in time, or
 * silent for too long), -EIO (the server died, or could not start the job). */
int follow_run(struct follow *follow, const struct follow_options *options, struct error *err)
    __attribute__((warn_unused_result));
