/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hypervisor: the hypervisors that the emulated server can run, as data: what its image is made of
 * and how QEMU must be set so that it works. The settings and why they are needed are measured.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "image/bootstrap.h"

struct hypervisor {
    const char *name;   /* "kvm"; of its image */
    const char *family; /* the hypervisor that runs: "kvm" for "kvm-perf" too */
    const char *title;
    struct bootstrap_recipe recipe;
    const char *const *modules; /* of the initrd; NULL-terminated */
    const char *boot_image; /* in the root file system's /boot, booted by Multiboot with the kernel
                               as its module, gzip-compressed; NULL: the kernel is booted */
    const char *boot_options;    /* of boot_image, without how many CPUs the control domain has */
    const char *console;         /* the kernel's */
    const char *cpu_features;    /* of the emulated CPU, for QEMU's -cpu */
    const char *counter_options; /* of vtax-count.so, each with a comma before it; NULL: none */
    unsigned cpus; /* default of the emulated server; 0: as many as the host has, up to: */
    unsigned cpus_max;
    uint64_t memory_bytes;        /* default of the emulated server */
    const char *const *platforms; /* what can be measured there; NULL-terminated */
    const char *const *default_platforms;
};

extern const struct hypervisor *const hypervisors[]; /* NULL-terminated */

/* Further images of the same hypervisors, made only when something asks for them; NULL-terminated.
 */
extern const struct hypervisor *const hypervisor_variants[];

/* Of either list; NULL when there is none of this name. */
const struct hypervisor *hypervisor_find(const char *name);
/* ERROR_USAGE with the known names. */
int hypervisor_refuse(const char *name, struct error *err);

/* QEMU, which emulates the server, comes from a root file system of its own, so that the host needs
 * no newer one. */
extern const struct bootstrap_recipe emulator_recipe;

#define HYPERVISOR_DISK_BYTES (UINT64_C(8) << 30)
#define HYPERVISOR_DISK_INODES UINT32_C(262144)

/* SHA-256 over everything that its image is made of; NULL: the emulator's. */
void hypervisor_recipe_digest(const struct hypervisor *hypervisor,
                              char out_digest[DIGEST_TEXT_BYTES]);
