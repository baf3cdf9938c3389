/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sample: profiles everything that runs on the machine, for whoever owns the machine: with each
 * PERIOD-th instruction of a vCPU, of the hypervisor or of a guest, a record goes to a file
 * (profile/format.h). No software in the machine can see it or needs to be changed.
 *
 * The instruction is the one with which the period was full, without skid. Callers are guessed
 * from the stack, which is read through the page tables by walk.h.
 *
 * A sampler's part of a vCPU is touched by that vCPU's thread only.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "plugin/block.h"

struct sampler;
struct vcpu;

/* period in instructions, > 0; the file is replaced. */
int sampler_open(const char *path, uint64_t period, unsigned vcpus, struct sampler **out_sampler,
                 struct error *err) __attribute__((warn_unused_result));

/* From now on this vCPU is sampled: vcpu->sampling is set. */
void sampler_add(struct sampler *sampler, struct vcpu *vcpu);

/* The machine has stopped: writes what is buffered, then the totals. */
void sampler_close(struct sampler *sampler, struct vcpu *vcpus, unsigned count);

/* How many instructions may retire before sample_take() is due; UINT64_MAX without a sampler. */
uint64_t sample_distance(const struct vcpu *vcpu);

/* Takes the sample when it is due. Counts hold whole blocks; the slot's block is the one that was
 * executed last. */
void sample_take(struct vcpu *vcpu);

/* That block was left before its end. */
void sample_note_cut(struct vcpu *vcpu, struct block_rest rest);

/* A VMRUN is about to be executed: vcpu->page has the VMCB, which is at this address. */
void sample_note_entry(struct vcpu *vcpu, uint64_t vmcb);
