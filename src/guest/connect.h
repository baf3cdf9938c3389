/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * connect: a TCP connection to a machine that is perhaps still booting.
 */
#pragma once

#include "guest/channel.h"

/* Tries until the SSH server at the other end has said something (nothing is read) or the deadline
 * has passed; at least once. Returns a connected non-blocking socket, or a negative errno. */
int connect_until_banner(const struct channel_options *options, struct error *err)
    __attribute__((warn_unused_result));
