/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_tools: Xen's toolstack as its host has it. Guests are made and removed by the program xl;
 * what is asked often is asked of its libraries (libxenstat, libxenstore), which are opened at run
 * time and belong to one version of Xen: nothing of Xen is needed to build or to start vtax.
 *
 * Not by libvirt: its libxl driver does not run inside a process, as its QEMU driver does, so that
 * a further daemon would have to be there and run beside what is measured.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define XEN_SYSFS "/sys/hypervisor"

/* Does this Linux control a Xen, and are the tools there? Negative with the remedy. root: where
 * /sys, /proc and /boot are looked for, for tests; NULL: the real ones. */
int xen_tools_probe(const char *root, struct error *err) __attribute__((warn_unused_result));
/* Can this Xen run guests of the type ("pv", "pvh", "hvm")? As above. */
int xen_tools_probe_type(const char *root, const char *type, struct error *err)
    __attribute__((warn_unused_result));
/* "4.17.5-pre" of the Xen that runs, the caller's to free; NULL: there is none. As above. */
char *xen_tools_read_version(const char *root);

struct xen_tools;

int xen_tools_open(struct xen_tools **out_tools, struct error *err)
    __attribute__((warn_unused_result));
struct xen_tools *xen_tools_close(struct xen_tools *tools);

struct xen_domain {
    unsigned id;
    uint64_t cpu_ns; /* of all vCPUs since it was made */
    bool is_shut_down;
    bool has_crashed;
};

/* -ENOENT: there is none of this name. */
int xen_tools_find(struct xen_tools *tools, const char *name, struct xen_domain *out_domain,
                   struct error *err) __attribute__((warn_unused_result));
/* -ENOENT: there is none of this number. */
int xen_tools_read(struct xen_tools *tools, unsigned id, struct xen_domain *out_domain,
                   struct error *err) __attribute__((warn_unused_result));

#define XEN_VCPUS_MAX 128
struct xen_guest {
    char *name;
    struct xen_domain domain;
    unsigned vcpus;
    uint64_t vcpu_ns[XEN_VCPUS_MAX]; /* CPU time of each */
};
/* All guests, the control domain (number 0) as well. *out_guests is freed by
 * xen_tools_free_guests(). */
int xen_tools_list(struct xen_tools *tools, struct xen_guest **out_guests, size_t *out_count,
                   struct error *err) __attribute__((warn_unused_result));
void xen_tools_free_guests(struct xen_guest *guests, size_t count);

/* The terminal behind the guest's console, the caller's to free. */
int xen_tools_find_console(struct xen_tools *tools, unsigned id, char **out_path, struct error *err)
    __attribute__((warn_unused_result));

/* xl with the words of a NULL-terminated list. *out_text, when asked for: what it printed, the
 * caller's to free. */
int xen_tools_call(const char *const *words, char **out_text, struct error *err)
    __attribute__((warn_unused_result));

/* Powers the guest off, also when the user has interrupted: its disks are removed next, so it must
 * not outlive them. */
int xen_tools_destroy(const char *name, struct error *err) __attribute__((warn_unused_result));

/* Is this what xl says when the guest's QEMU did not answer in time? libxl's ERROR_TIMEDOUT is -9
 * (libxl_types.idl). */
bool xen_tools_was_late(const char *text);

/* Why a guest shut down, by the number that Xen has for it. */
const char *xen_tools_describe_end(const char *xl_list, unsigned id);

/* The names of our guests begin with this, then: process number, its start, a number. */
#define XEN_NAME_PREFIX "vtax-"
/* Destroys the guests of vtax processes that no longer live. Does nothing where there is no Xen. */
int xen_tools_clean_dead(struct error *err) __attribute__((warn_unused_result));
