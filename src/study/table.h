/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * table: a ledger as text for people and as JSON for programs.
 */
#pragma once

#include <stdio.h>

#include "pmu/ledger.h"

/* One row for the hypervisor, each VM that did anything, and the machine; then exits by reason with
 * what the hypervisor executed because of them. */
void table_write(const struct ledger_view *view, FILE *out);
/* One object on one line. */
void table_write_json(const struct ledger_view *view, FILE *out);
