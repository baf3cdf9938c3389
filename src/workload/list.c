/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/list.h"

#include <stddef.h>

const struct workload *const workloads[] = {
    &workload_bzip2, &workload_netperf, &workload_dd, &workload_ops,
    &workload_shop,  &workload_fake,    NULL,
};
