/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * runner: the program that the channel puts into every machine. Static, without libraries or
 * configuration, so that it runs in any x86-64 Linux guest. Its commands:
 *
 *     run [--directory DIR] [--now] -- PROGRAM ARGUMENT...   speaks guest/protocol.h
 *     generate --seed N --bytes N FILE                       writes guest/generate.h data
 *     digest [--bytes N] [--direct] FILE...                  SHA-256 of files or block devices
 *     digest-output -- PROGRAM ARGUMENT...                   SHA-256 of what a program prints
 *     shop-files --seed N --sessions N --directories N DIR   the shop's images (shop/fileset.h)
 *     watch FILE           a line each second of what the kernel says of its CPUs, until it is
 * killed
 *     ops --duration-ns N [--directory DIR] [OPERATION]...   costs of operations (guest/ops.h)
 *     count loop|machine|spin|exits ROUNDS [PERIOD [TIMES]]        checks performance counters
 *     count msr NUMBER [COUNT]                               reads registers
 *     nothing                                                ends at once
 *
 * generate, digest and digest-output print lines "DIGEST BYTES NAME". Each returns the exit code: 0
 * good, 1 failed, 2 wrong use.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct runner_arguments {
    const char *directory; /* NULL: where we are */
    int now;               /* no barrier */
    int direct;            /* O_DIRECT */
    uint64_t seed;
    uint64_t bytes;       /* UINT64_MAX: not given */
    uint64_t sessions;    /* 0: not given */
    uint64_t directories; /* 0: not given */
    uint64_t duration_ns; /* 0: not given */
    char **operands;      /* NULL-terminated */
    size_t count;
};

int runner_run(const struct runner_arguments *arguments);
int runner_generate(const struct runner_arguments *arguments);
int runner_digest(const struct runner_arguments *arguments);
int runner_digest_output(const struct runner_arguments *arguments);
int runner_shop_files(const struct runner_arguments *arguments);
int runner_watch(const struct runner_arguments *arguments);
int runner_ops(const struct runner_arguments *arguments);
int runner_count(const struct runner_arguments *arguments);
int runner_nothing(const struct runner_arguments *arguments);

/* Prints "vtax-guest: WHAT 'OBJECT': strerror(errno)" and returns 1. */
int runner_complain(const char *what, const char *object);
/* Writes all; -1 with errno set. */
int runner_write(int fd, const void *bytes, size_t length);
