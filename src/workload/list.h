/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * list: every workload there is. A new one is a file of its own, a line here and a row in list.c.
 */
#pragma once

#include "workload/workload.h"

extern const struct workload workload_bzip2;
extern const struct workload workload_netperf;
extern const struct workload workload_dd;
extern const struct workload workload_shop;
extern const struct workload workload_ops;
extern const struct workload workload_fake;
