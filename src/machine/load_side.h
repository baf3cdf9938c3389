/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load_side: where the load for the machines comes from. A sandbox of the same root file system on
 * the host, pinned to the CPUs for load, at the bridge's own address; in user mode on the host's
 * loopback device.
 */
#pragma once

#include "base/error.h"
#include "guest/channel.h"
#include "image/image.h"
#include "machine/network.h"
#include "plan/plan.h"

struct load_side;

/* Returns once commands can be run. directory: the campaign's own, absolute. The thread must live
 * as long as the load side. Text in the arguments is copied; image and network must outlive it. */
int load_side_open(struct network *network, const struct image *image,
                   const struct plan_placement *placement, const char *directory,
                   struct load_side **out_load, struct error *err)
    __attribute__((warn_unused_result));
struct channel *load_side_channel(struct load_side *load);
/* CPU time so far of everything in it; clock-tick resolution. */
int load_side_read_cpu(struct load_side *load, uint64_t *out_cpu_ns, struct error *err)
    __attribute__((warn_unused_result));
struct load_side *load_side_close(struct load_side *load);
