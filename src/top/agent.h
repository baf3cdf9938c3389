/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * agent: QEMU's guest agents, asked for the steal that the guest's kernel counts
 * (guest-get-cpustats, since QEMU 7.1). One connection for each machine is kept; none is waited for
 * longer than a moment, so that a guest that hangs does not stop the others from being seen.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "top/figure.h"

struct agents;

struct agents *agents_open(void);
/* Asks every guest that was read once, and collects answers for at most a tenth of a second. */
void agents_exchange(struct agents *agents);
/* The steal of the machine whose agent listens at path, as of the last exchange. */
struct figure agents_read(struct agents *agents, pid_t pid, const char *path);
struct agents *agents_close(struct agents *agents);

enum agent_answer {
    AGENT_NOT_JSON,
    AGENT_ERROR,   /* the agent refused */
    AGENT_NUMBER,  /* a number: the answer to guest-sync; *out_value has it */
    AGENT_STEAL,   /* ns of all CPUs; *out_value has it */
    AGENT_UNKNOWN, /* JSON, but nothing that was asked for */
};
/* One line of an agent. Pure. */
enum agent_answer agent_parse(const char *line, size_t length, uint64_t *out_value);
