/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm_probe: does KVM run a guest, and at the speed of the processor? A /dev/kvm that opens proves
 * nothing: there are hosts where KVM interprets the guest instruction by instruction.
 */
#pragma once

#include "base/error.h"

/* Runs a counted loop in a KVM virtual machine of one page and the same loop natively, in a child
 * process, for at most about two seconds, in the lab a minute. 0 when the guest was at most
 * KVM_PROBE_SLOWDOWN_MAX times slower; else negative with the reason and the remedy. */
#define KVM_PROBE_SLOWDOWN_MAX 5.0
int kvm_probe(struct error *err) __attribute__((warn_unused_result));

/* The refusal when a step ("open '/dev/kvm'") failed with this errno, with the remedy. Returns
 * -code. */
int kvm_probe_explain(const char *step, int code, struct error *err);
