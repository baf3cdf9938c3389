/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * card: network cards of a machine as the host counts them, from the machine's side: received is
 * what came into it. Parsers, pure, and readers below a /proc that tests can make.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define CARD_NAME_MAX 16 /* as the kernel's IFNAMSIZ */

struct card {
    char name[CARD_NAME_MAX];          /* of the host's device */
    uint64_t received_bytes, received; /* packets */
    uint64_t sent_bytes, sent;
};

/* The tap device behind a descriptor, from its /proc/PID/fdinfo/FD; -ENOENT: it is none. */
int card_parse_tap(const char *text, size_t length, char out_name[CARD_NAME_MAX]);

/* A card in /proc/PID/net/dev, as the host sees it; -ENOENT or -EBADMSG. */
int card_parse(const char *text, size_t length, const char *name, struct card *out_card);

/* The taps that a hypervisor's process holds, by name; the caller frees them. Negative with the
 * reason why there is none to be read. */
int card_read_taps(const char *proc, pid_t pid, struct card **out_cards, size_t *out_count,
                   struct error *err) __attribute__((warn_unused_result));

/* The card NAME of a process in a network namespace of its own; negative with the reason, also
 * where it shares ours. */
int card_read_own(const char *proc, pid_t pid, const char *name, struct card *out_card,
                  struct error *err) __attribute__((warn_unused_result));
