/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * channel: the one way into a machine. SSH (libssh) over one kept connection; commands run with
 * fixed argument vectors that are quoted here, so that no shell reads anything as syntax.
 *
 * Jobs start together: channel_start_job() brings a job up to its barrier in every machine, then
 * channel_release_job() lets each go. The guest-side runner (guest/runner/, a static binary that
 * channel_open() puts into the machine) waits at the barrier, takes the guest's own time around the
 * program, and prints what wait4(2) says. A channel is used by one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Where channel_open() puts the runner. Not /run: Debian's initramfs mounts that noexec. */
#define GUEST_RUNNER_PATH "/tmp/vtax-guest"

struct channel;
struct channel_job;

struct channel_options {
    const char *address;  /* numeric IPv4 or IPv6 address */
    uint16_t port;        /* 0: 22 */
    const char *user;     /* NULL: root */
    const char *key_path; /* private key */
    const char *host_key; /* expected host key, OpenSSH public-key line; NULL: any (own images) */
    int network_namespace_fd; /* where the address is; 0: ours */
    uint64_t timeout_ns;      /* for each step of the connection */
    /* Asked between attempts while the machine boots: negative when it has died. */
    int (*alive)(void *context, struct error *err);
    void *alive_context;
    uint64_t deadline_ns; /* clock_monotonic_ns() until which connecting is tried again */
};

/* Connects, retrying until the machine answers or the deadline, authenticates, and puts the runner
 * into the machine. */
int channel_open(const struct channel_options *options, struct channel **out_channel,
                 struct error *err) __attribute__((warn_unused_result));

struct channel_result {
    int status; /* exit code, or 256 + signal */
    char *text; /* standard output, NUL-terminated */
    size_t length;
    char *error_text;  /* standard error, up to 64 KiB */
    uint64_t host_ns;  /* from the release to the end, on the host's clock */
    uint64_t guest_ns; /* around the program, on the guest's CLOCK_MONOTONIC */
    /* How long a line took there and back just before the release: host_ns contains about as much
     * that is not the program's. */
    uint64_t round_trip_ns;
    uint64_t user_ns; /* CPU time of the program and its children in the guest */
    uint64_t system_ns;
};
void channel_result_done(struct channel_result *result);

/* Runs argv (NULL-terminated) to its end. 0 when it ran, whatever its status. */
int channel_run(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                struct channel_result *out_result, struct error *err)
    __attribute__((warn_unused_result));

/* channel_run() where a status other than 0 is an error that quotes the last line. out_text may be
 * NULL. */
int channel_check(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                  char **out_text, struct error *err) __attribute__((warn_unused_result));

/* Writes a file in the machine. */
int channel_put(struct channel *channel, const void *bytes, size_t length, const char *path,
                unsigned mode, struct error *err) __attribute__((warn_unused_result));

struct channel_job_options {
    const char *const *argv;
    const char *directory; /* NULL: / */
};

int channel_start_job(struct channel *channel, const struct channel_job_options *options,
                      struct channel_job **out_job, struct error *err)
    __attribute__((warn_unused_result));
/* Lets the job go and returns at once. */
int channel_release_job(struct channel_job *job, struct error *err)
    __attribute__((warn_unused_result));
/* Waits for all jobs (of any channels, one thread) until the deadline. results[i] belongs to
 * jobs[i]. -ETIMEDOUT, -EINTR or -EIO (a connection was lost) leave every result freed. */
int channel_wait_jobs(struct channel_job *const *jobs, size_t count, uint64_t timeout_ns,
                      struct channel_result *results, struct error *err)
    __attribute__((warn_unused_result));
struct channel_job *channel_job_free(struct channel_job *job);

struct channel *channel_close(struct channel *channel);
