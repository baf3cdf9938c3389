/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * domains: the guests of the Xen that this Linux controls.
 */
#pragma once

#include "top/networks.h"
#include "top/snapshot.h"

struct domains;

/* NULL: this Linux does not run on Xen. */
struct domains *domains_open(void);
/* Adds a machine for each guest and takes in the QEMUs that serve them; a note where Xen does not
 * answer. proc_fd: of /proc; networks: for the network cards of the control domain. */
void domains_read(struct domains *domains, int proc_fd, struct networks *networks,
                  struct snapshot *snapshot);
struct domains *domains_close(struct domains *domains);
