/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_config: one description of a Xen guest, and the xl.cfg(5) text that it becomes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define XEN_DISKS_MAX 4

struct xen_disk {
    const char *path;   /* on the host */
    const char *format; /* "raw", "qcow2" */
    bool direct;        /* O_DIRECT, past the host's page cache */
    bool read_only;
};

struct xen_config {
    const char *name;
    const char *type; /* "pv", "pvh", "hvm" */
    unsigned vcpus;
    uint64_t memory_bytes;
    const struct plan_placement *placement;
    const char *kernel; /* NULL: boots from the first disk */
    const char *initrd;
    const char *command_line;
    struct xen_disk disks[XEN_DISKS_MAX];
    unsigned disk_count;
    const char *mac;
    const char *vif_script;
};

/* The caller frees. */
char *xen_config_format(const struct xen_config *config);
/* "xvda", "xvdb" ... as the guest sees disk number `index` */
const char *xen_config_disk_name(unsigned index);
