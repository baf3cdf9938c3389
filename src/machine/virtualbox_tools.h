/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtualbox_tools: VirtualBox as its host has it: whether it is there, and its programs, which
 * work for each machine in a home of its own: a list of machines, a server (VBoxSVC), a socket. So
 * machines do not wait for each other, and the user's own VirtualBox sees none of them.
 *
 * Not by libvirt: its VirtualBox driver knows no version after 7.0.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Can it run machines here and now? Negative with the remedy. root: where /dev and /proc are looked
 * for, for tests; NULL: the real ones. */
int virtualbox_probe(const char *root, struct error *err) __attribute__((warn_unused_result));

/* The path of VBoxManage or VBoxHeadless, the caller's to free; NULL when there is none. The
 * command of this name in PATH may be a script that prints advice. */
char *virtualbox_find_program(const char *name);

/* "7.0.20_Debianr163906", the caller's to free; NULL when no VBoxManage says it. */
char *virtualbox_read_version(void);

struct virtualbox_home {
    char *parent;       /* the machine's directory */
    char *directory;    /* VBOX_USER_HOME */
    char *socket;       /* the server's, a directory */
    char **environment; /* of the programs; NULL-terminated */
};

/* Makes the home DIRECTORY/home. name: unique on this host, and short, since a socket is called by
 * it. */
int virtualbox_home_init(struct virtualbox_home *home, const char *directory, const char *name,
                         struct error *err) __attribute__((warn_unused_result));
/* Ends what still runs for it, and removes the socket; the directory is the caller's to remove. */
void virtualbox_home_done(struct virtualbox_home *home);

/* VBoxManage with the words of a NULL-terminated list. *out_text, when asked for: what it printed,
 * the caller's to free. */
int virtualbox_call(const struct virtualbox_home *home, const char *const *words, char **out_text,
                    struct error *err) __attribute__((warn_unused_result));

/* What VBoxHeadless or VBoxManage complain of in what they printed; the text's last line when they
 * do not say "error". */
const char *virtualbox_find_complaint(const char *text, size_t *out_length);
