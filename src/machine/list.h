/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * list: the back-ends, for the array in machine.c.
 */
#pragma once

#include "machine/machine.h"

extern const struct platform platform_native;
