/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * source: where a ledger (pmu/ledger.h) is read from: in the emulated server from its registers,
 * outside of it from the file that the emulator keeps.
 */
#pragma once

#include "base/error.h"
#include "pmu/ledger.h"

struct source;

/* file NULL: the registers, through /dev/cpu/0/msr (root; loads the kernel's module "msr"). */
int source_open(const char *file, struct source **out_source, struct error *err)
    __attribute__((warn_unused_result));
/* What is true now, of the hypervisor and every VM. */
int source_read(struct source *source, struct ledger_view *out_view, struct error *err)
    __attribute__((warn_unused_result));
struct source *source_close(struct source *source);

/* Of two views of one ledger: what happened in between. */
void source_subtract(struct ledger_view *later, const struct ledger_view *earlier);
