/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bootstrap: runs mmdebstrap, which makes the root file system as a tarball from a Debian mirror.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* What is to be built. Lists are NULL-terminated. */
struct bootstrap_recipe {
    const char *what;       /* in messages: "guest image" */
    const char *suite;      /* "trixie" */
    const char *components; /* "main", "main contrib" */
    bool rolling;           /* testing and unstable: no updates, no security, Release may be old */
    const char *epoch;      /* all time stamps, seconds since 1970 */
    const char *const *packages;
    const char *const *dpkg_options;
};

/* Names, with the package that has it, the first program that is missing to build an image (what:
 * which one, for the message); also what an ordinary user lacks to build one in a user namespace.
 */
int bootstrap_check(const char *what, struct error *err) __attribute__((warn_unused_result));

struct bootstrap_options {
    const struct bootstrap_recipe *recipe;
    const char *tarball; /* file to be written */
    const char *scratch; /* directory for temporary files */
    const char *mirror;  /* NULL: see bootstrap_choose_mirrors() */
    /* Told about each step: how much of the bootstrap is done, 0..1, and what is being done. */
    void (*step)(void *context, double share, const char *what);
    void *context;
};

/* -EINTR when the user interrupted; then nothing of it runs any more. */
int bootstrap_run(const struct bootstrap_options *options, struct error *err)
    __attribute__((warn_unused_result));

struct bootstrap_mirrors {
    char *debian;   /* NULL: none found */
    char *security; /* NULL: none found */
};

/* Picks from lines of repository addresses (as apt-get indextargets prints them) the first that
 * ends in "/debian" and the first that ends in "/debian-security", http(s) only. The texts are the
 * caller's to free. */
void bootstrap_choose_mirrors(const char *lines, struct bootstrap_mirrors *out_mirrors);

/* What of mmdebstrap's messages to show the user after it failed: the first line that begins with
 * "Err:" (with the next line, which says why), else "E: ", else "W: ". The caller's to free. */
char *bootstrap_find_cause(const char *messages);
