/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/elffile.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "base/mem.h"

static void close_elf(Elf **elf)
{
    if (*elf)
        elf_end(*elf);
}

static void add_segment(struct elf_file *file, size_t *capacity, const GElf_Phdr *header,
                        size_t length)
{
    if (header->p_type != PT_LOAD || !(header->p_flags & PF_X) || header->p_offset >= length)
        return;
    size_t room = length - header->p_offset;
    MEM_GROW(file->segments, file->segment_count, *capacity);
    file->segments[file->segment_count++] =
        (struct elf_segment){.offset = header->p_offset,
                             .bytes = header->p_filesz < room ? header->p_filesz : room,
                             .address = header->p_vaddr};
}

static void read_segments(Elf *elf, struct elf_file *file, size_t length)
{
    size_t count, capacity = 0;
    file->is_static = true;
    if (elf_getphdrnum(elf, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header))
            continue;
        file->is_static &= header.p_type != PT_INTERP;
        add_segment(file, &capacity, &header, length);
    }
}

static bool is_function(const GElf_Sym *symbol)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value;
}

static void read_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_file *file)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize && data ? data->d_size / header->sh_entsize : 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol) || !is_function(&symbol))
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name && *name)
            symbols_add(file->symbols, symbol.st_value, symbol.st_size, name, strlen(name),
                        GELF_ST_BIND(symbol.st_info) == STB_GLOBAL);
    }
}

/* A position-independent program says so; a library that can be started, too, does not. */
static bool says_program(Elf_Scn *section)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data ? data->d_size / sizeof(Elf64_Dyn) : 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Dyn entry;
        if (gelf_getdyn(data, (int)i, &entry) && entry.d_tag == DT_FLAGS_1)
            return entry.d_un.d_val & DF_1_PIE;
    }
    return false;
}

static void read_sections(Elf *elf, struct elf_file *file)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
            read_table(elf, section, &header, file);
        file->has_full_table |= header.sh_type == SHT_SYMTAB;
        if (header.sh_type == SHT_DYNAMIC && says_program(section))
            file->is_program = true;
    }
    symbols_sort(file->symbols);
}

int elf_file_read(const void *bytes, size_t length, struct elf_file **out_file, struct error *err)
{
    CLEANUP(close_elf) Elf *elf = NULL;
    GElf_Ehdr header;
    if (elf_version(EV_CURRENT) != EV_NONE && length > EI_NIDENT)
        elf = elf_memory((char *)bytes, length); /* read only */
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) ||
        header.e_machine != EM_X86_64 || gelf_getclass(elf) != ELFCLASS64 ||
        (header.e_type != ET_EXEC && header.e_type != ET_DYN))
        return error_set(err, ERROR_USAGE, -ENOEXEC, "it is no program or library of x86-64");
    struct elf_file *file = mem_zalloc(sizeof(*file));
    file->is_program = header.e_type == ET_EXEC;
    file->symbols = symbols_new();
    read_segments(elf, file, length);
    read_sections(elf, file);
    *out_file = file;
    return 0;
}

struct elf_file *elf_file_free(struct elf_file *file)
{
    if (file) {
        symbols_free(file->symbols);
        free(file->segments);
    }
    free(file);
    return NULL;
}

const struct symbol *elf_file_find(const struct elf_file *file, uint64_t offset)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct elf_segment *segment = &file->segments[i];
        if (offset >= segment->offset && offset - segment->offset < segment->bytes)
            return symbols_find(file->symbols, segment->address + (offset - segment->offset));
    }
    return NULL;
}
