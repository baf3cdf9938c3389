/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vbox_times: where the time of a VirtualBox machine's virtual CPUs went, as VirtualBox itself
 * keeps it in each build: XML of `VBoxManage debugvm VM statistics --pattern=/TM/CPU/` + `*`. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Sums over the virtual CPUs since the machine was started. */
struct vbox_times {
    unsigned cpus;
    uint64_t executing_ns; /* in guest mode */
    uint64_t halted_ns;
    uint64_t other_ns; /* in VirtualBox, in the host's kernel, or waiting for a CPU */
    uint64_t entries;  /* how often guest mode was entered */
    uint64_t halts;
};

/* 0, or -EBADMSG where a virtual CPU lacks one of them, or there is none. */
int vbox_times_parse(const char *text, size_t length, struct vbox_times *out_times)
    __attribute__((warn_unused_result));
