/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: the directory that `vtax record` leaves (docs/profile.md), with all that is needed to name
 * what ran:
 *
 *   samples.bin         profile/format.h
 *   title               one line: what was recorded
 *   host.kallsyms       functions of the hypervisor's kernel
 *   guests/NAME.kallsyms     of a guest's, read in the machine NAME
 *   files/...           the programs and libraries that ran, by their paths
 *
 * Everything but the samples may be missing.
 */
#pragma once

#include "profile/resolve.h"
#include "profile/write.h"

#define LOAD_SAMPLES "samples.bin"
#define LOAD_TITLE "title"
#define LOAD_HOST "host.kallsyms"
#define LOAD_GUESTS "guests"
#define LOAD_FILES "files"
#define LOAD_KALLSYMS ".kallsyms"

struct load {
    struct samples samples;
    char *title;
    struct symbols *host; /* NULL: not there */
    struct resolve_kernel *kernels;
    size_t kernel_count, kernel_capacity;
    struct library *library;
    struct resolve_result result; /* after load_resolve() */
};

int load_open(const char *directory, struct load *out_load, struct error *err)
    __attribute__((warn_unused_result));
void load_resolve(struct load *load);
void load_close(struct load *load);
#define CLEANUP_LOAD CLEANUP(load_close)

/* The samples alone. */
int load_read_samples(const char *directory, struct samples *out_samples, struct error *err)
    __attribute__((warn_unused_result));

/* Calls visit for every file below the directory, with its path and the part of that behind the
 * directory, in the order of names; ends at the first negative return, which it returns. A
 * directory that is not there is empty; links are not followed. */
int load_visit_files(const char *directory,
                     int (*visit)(const char *path, const char *inside, void *context,
                                  struct error *err),
                     void *context, struct error *err) __attribute__((warn_unused_result));
