/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * elffile: programs and libraries of x86-64: which parts of the file are code, and the functions in
 * it. The only place that sees libelf.
 */
#pragma once

#include "profile/symbols.h"

/* A part of the file that is mapped as code. */
struct elf_segment {
    uint64_t offset, bytes; /* in the file */
    uint64_t address;       /* of its first byte, as symbols count */
};

struct elf_file {
    struct elf_segment *segments;
    size_t segment_count;
    bool is_program;         /* it is started; false: a library */
    bool is_static;          /* it loads no libraries */
    bool has_full_table;     /* .symtab; false: only what it exports (.dynsym) */
    struct symbols *symbols; /* by address in the file's own count */
};

/* -ENOEXEC when it is no ELF file of this kind. */
int elf_file_read(const void *bytes, size_t length, struct elf_file **out_file, struct error *err)
    __attribute__((warn_unused_result));
struct elf_file *elf_file_free(struct elf_file *file);

/* The function that the byte at this place in the file belongs to; NULL: none. */
const struct symbol *elf_file_find(const struct elf_file *file, uint64_t offset);
