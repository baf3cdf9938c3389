/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * domain: one description of a QEMU machine, and the libvirt domain XML that it becomes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define DOMAIN_DISKS_MAX 4

struct domain_disk {
    const char *path; /* on the host */
    const char *format;
    const char *cache; /* "none", "writeback" */
    const char *io;    /* "native", "threads" */
    bool read_only;
};

/* A port of the host's loopback address that leads into the machine. */
struct domain_forward {
    uint16_t host;
    uint16_t machine;
};

struct domain {
    const char *type;     /* "qemu" or "kvm" */
    const char *name;     /* short: socket paths are made of it */
    const char *emulator; /* absolute path of QEMU */
    const char *machine;  /* "q35", "pc" */
    const char *cpu;      /* libvirt's mode: "maximum", "host-passthrough"; else a model's name */
    unsigned vcpus;
    uint64_t memory_bytes;
    uint64_t tb_cache_bytes; /* 0: QEMU's default */
    bool huge_pages;
    const struct plan_placement *placement;
    const char *kernel; /* NULL: boot from the first disk */
    const char *initrd;
    const char *command_line;
    const char *console; /* file */
    struct domain_disk disks[DOMAIN_DISKS_MAX];
    unsigned disk_count;
    const char *mac;
    const char *tap;               /* NULL: user-mode network as below */
    const char *user_subnet;       /* "10.86.1" */
    const char *user_guest;        /* "10.86.1.10" */
    const char *user_host_address; /* loopback address that is forwarded from */
    const struct domain_forward *forwards;
    unsigned forward_count;
};

/* The caller frees. */
char *domain_format_xml(const struct domain *domain);
/* "vda", "vdb" ... as the guest sees disk number `index` */
const char *domain_disk_name(unsigned index);
