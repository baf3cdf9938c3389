/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kallsyms: the functions of each machine's kernel with their addresses, for a profile that is
 * taken from outside.
 */
#pragma once

#include "machine/machine.h"

/* Reads them through the control channel into DIRECTORY/NAME.kallsyms. What cannot be had is a
 * warning: the machine's kernel stays unnamed in the profile. */
void kallsyms_keep(const char *directory, const char *name, struct machine *machine);
