/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * library: the programs and libraries that may have run, found by what a page of their code looks
 * like. Code of programs is mapped as it is in the file, so that a page tells where it is from: no
 * map of a process is needed, in any guest, and address-space randomisation does not matter.
 */
#pragma once

#include "profile/elffile.h"
#include "profile/format.h"

struct library_file {
    char *name; /* printable */
    struct elf_file *elf;
};

struct library;

struct library_spot {
    const struct library_file *file;
    uint64_t offset; /* of the page in the file */
};

struct library *library_new(void);
/* A program or library with its bytes, which are not kept. -ENOEXEC when it is something else. Of
 * equal pages the first one stays. */
int library_add(struct library *library, const char *name, const void *bytes, size_t length,
                struct error *err) __attribute__((warn_unused_result));
size_t library_count(const struct library *library);

/* False: the page (profile_page_hash()) is in no file. */
bool library_find(const struct library *library, uint64_t page, struct library_spot *out_spot);

struct library *library_free(struct library *library);
