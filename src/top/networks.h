/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * networks: the bytes of all network cards, by network namespace. Each namespace is read once for
 * each reading of the sampler, however many machines are in it.
 */
#pragma once

#include <stdint.h>

struct networks;

struct networks *networks_new(void);
/* What was read is old: at the start of each reading. */
void networks_forget(struct networks *networks);
/* The card's bytes as the host sees it, in the namespace of a process: its number or "self" below
 * proc_fd. 0; -ENOENT: it has no such card. */
int networks_find(struct networks *networks, int proc_fd, const char *process, const char *card,
                  uint64_t *out_received, uint64_t *out_sent) __attribute__((warn_unused_result));
struct networks *networks_free(struct networks *networks);
