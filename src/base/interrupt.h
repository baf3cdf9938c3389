/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * interrupt: Ctrl-C and friends. The first SIGINT, SIGTERM or SIGHUP sets a flag, which long work
 * polls and answers with -EINTR after it has cleaned up; the second ends the process at once.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define INTERRUPT_EXIT_CODE 130

/* Installs the handlers, without SA_RESTART, so that blocking calls return EINTR. */
void interrupt_install(void);
bool interrupt_requested(void);
/* A descriptor that becomes readable with the first signal, for poll(); -1 before install. */
int interrupt_fd(void);
/* -EINTR with err set when a signal came, else 0. */
int interrupt_check(struct error *err) __attribute__((warn_unused_result));
