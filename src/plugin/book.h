/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * book: keeps the ledger (pmu/ledger.h, which says how it is read) while the machine runs, in a
 * file when option ledger= names one. Each vCPU's thread writes the entries of its own CPU.
 */
#pragma once

#include "base/error.h"
#include "plugin/plugin.h"

int book_open(struct plugin *plugin, struct error *err) __attribute__((warn_unused_result));

/* Enters what this CPU has done since the last time. */
void book_publish(struct vcpu *vcpu);

/* VMRUN: vcpu->page is the VMCB, as the hypervisor prepared it. Finds the VM that it belongs to: a
 * mark in unused space of the page (FC0h: magic, own address, number) says so from then on. */
void book_enter(struct plugin *plugin, struct vcpu *vcpu, uint64_t vmcb);
/* #VMEXIT, with the counts put right. */
void book_leave(struct vcpu *vcpu, uint64_t exit_code);
/* The VMRUN has faulted. */
void book_cancel(struct vcpu *vcpu);

/* Carries out a read of one of the ledger's registers in the hypervisor. False: #GP. */
bool book_read(struct vcpu *vcpu, uint32_t msr, uint64_t *out_value);
