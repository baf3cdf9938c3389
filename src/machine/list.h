/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * list: the back-ends, for the array in machine.c.
 */
#pragma once

#include "machine/machine.h"

extern const struct platform platform_native;
extern const struct platform platform_qemu_tcg;
extern const struct platform platform_kvm;
extern const struct platform platform_xen_pv;
extern const struct platform platform_xen_pvh;
extern const struct platform platform_xen_hvm;
extern const struct platform platform_virtualbox;
extern const struct platform platform_fake;
