/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * list: the back-ends, for the array in machine.c, and what they share.
 */
#pragma once

#include "machine/machine.h"

/* The control channel of a virtual machine on the campaign's network; the address must live as long
 * as *out_options. */
void machine_fill_endpoint(const struct site_options *site, const char *address,
                           struct channel_options *out_options);

/* An option row of every platform with virtual machines: field max_vms of its struct. */
#define MACHINE_MAX_VMS(owner)                                                                     \
    {                                                                                              \
        .name = PLAN_MAX_VMS, .type = OPTION_COUNT, .offset = offsetof(owner, max_vms),            \
        .value_name = "N", .min = 1, .max = PLAN_VMS_MAX,                                          \
        .help = "Leave it out where the plan has more machines side by side (default: never)."     \
    }

extern const struct platform platform_native;
extern const struct platform platform_qemu_tcg;
extern const struct platform platform_kvm;
extern const struct platform platform_xen_pv;
extern const struct platform platform_xen_pvh;
extern const struct platform platform_xen_hvm;
extern const struct platform platform_virtualbox;
extern const struct platform platform_fake;
