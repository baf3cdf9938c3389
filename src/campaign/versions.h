/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * versions: of the programs that a result depends on, for its provenance.
 */
#pragma once

#include "plan/plan.h"
#include "probe/host.h"

/* Adds "version.qemu", "version.bubblewrap", ..., and of the hypervisors that the plan uses
 * "version.xen" and "version.virtualbox"; a program that is not there is left out. */
void versions_read(const struct plan *plan, struct host_facts *facts);
