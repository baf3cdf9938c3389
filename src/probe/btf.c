/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define BYTES_MAX ((size_t)64 << 20)
#define NESTED_MAX 16        /* structures in each other; types that stand for each other */
#define LOOKED_MAX (1 << 20) /* members: those of structures without a name may be many times */

/* Of later kernels than our headers may be. */
#ifndef BTF_KIND_ENUM64
#define BTF_KIND_ENUM64 19
#endif

/* One source of types: the kernel, or a module. */
struct part {
    uint8_t *bytes;
    const char *names;
    size_t name_bytes; /* the last is NUL */
};

struct btf {
    struct part kernel, module;
    const struct btf_type **types; /* [0] is void: NULL */
    size_t count, capacity;
    size_t kernel_count; /* of these; the module's follow */
};

struct btf *btf_free(struct btf *btf)
{
    if (!btf)
        return NULL;
    free(btf->kernel.bytes);
    free(btf->module.bytes);
    free(btf->types);
    free(btf);
    return NULL;
}

void btf_cleanup(struct btf **btf)
{
    btf_free(*btf);
}

/* What follows a type's first 12 bytes; -1: a kind that is not known, nor its length. */
static int64_t bytes_after(const struct btf_type *type)
{
    int64_t count = BTF_INFO_VLEN(type->info);
    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case BTF_KIND_TYPE_TAG:
        return 0;
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
        return 4;
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_ENUM:
    case BTF_KIND_FUNC_PROTO:
        return 8 * count;
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_DATASEC:
    case BTF_KIND_ENUM64:
        return 12 * count;
    default:
        return -1;
    }
}

static int add_types(struct btf *btf, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        const struct btf_type *type = (const void *)bytes;
        int64_t after = length < sizeof(*type) ? -1 : bytes_after(type);
        if (after < 0 || (size_t)after > length - sizeof(*type))
            return -EBADMSG;
        MEM_GROW(btf->types, btf->count, btf->capacity);
        btf->types[btf->count++] = type;
        bytes += sizeof(*type) + (size_t)after;
        length -= sizeof(*type) + (size_t)after;
    }
    return 0;
}

static bool is_within(uint64_t offset, uint64_t bytes, uint64_t length)
{
    return offset <= length && bytes <= length - offset;
}

/* All numbers in a header are multiples of 4 in what kernels write; types are read in place. */
static int add_part(struct btf *btf, struct part *part, const void *bytes, size_t length)
{
    struct btf_header header;
    if (length < sizeof(header))
        return -EBADMSG;
    part->bytes = mem_copy(bytes, length);
    memcpy(&header, bytes, sizeof(header));
    if (header.magic != BTF_MAGIC || header.hdr_len < sizeof(header) || header.hdr_len > length)
        return -EBADMSG;
    const uint8_t *after = part->bytes + header.hdr_len;
    length -= header.hdr_len;
    if (!is_within(header.type_off, header.type_len, length) ||
        !is_within(header.str_off, header.str_len, length) || header.str_len == 0 ||
        header.hdr_len % 4 || header.type_off % 4 || header.type_len % 4)
        return -EBADMSG;
    part->names = (const char *)after + header.str_off;
    part->name_bytes = header.str_len;
    if (part->names[header.str_len - 1])
        return -EBADMSG;
    return add_types(btf, after + header.type_off, header.type_len);
}

int btf_parse(const void *kernel, size_t kernel_bytes, const void *module, size_t module_bytes,
              struct btf **out_btf)
{
    CLEANUP(btf_cleanup) struct btf *btf = mem_zalloc(sizeof(*btf));
    MEM_GROW(btf->types, btf->count, btf->capacity);
    btf->types[btf->count++] = NULL;
    int rc = add_part(btf, &btf->kernel, kernel, kernel_bytes);
    btf->kernel_count = btf->count;
    if (rc >= 0 && module)
        rc = add_part(btf, &btf->module, module, module_bytes);
    if (rc < 0)
        return rc;
    *out_btf = TAKE_PTR(btf);
    return 0;
}

static int explain_form(int rc, const char *path, struct error *err)
{
    return rc < 0 ? error_set(err, ERROR_ENVIRONMENT, rc,
                              "read the kernel's types in '%s': not of a form known here", path)
                  : 0;
}

int btf_change_module(struct btf *btf, const char *root, const char *module, struct error *err)
{
    CLEANUP_FREE char *path = module ? mem_printf("%s/%s", root, module) : NULL;
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    free(btf->module.bytes);
    btf->module = (struct part){0};
    btf->count = btf->kernel_count;
    if (!module || !file_exists(path))
        return 0;
    int rc = file_read(path, BYTES_MAX, &bytes, &length, err);
    return rc < 0 ? rc : explain_form(add_part(btf, &btf->module, bytes, length), path, err);
}

int btf_read(const char *root, const char *module, struct btf **out_btf, struct error *err)
{
    CLEANUP(btf_cleanup) struct btf *btf = NULL;
    CLEANUP_FREE char *path = mem_printf("%s/vmlinux", root);
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    int rc = file_read(path, BYTES_MAX, &bytes, &length, err);
    rc = rc < 0 ? rc : explain_form(btf_parse(bytes, length, NULL, 0, &btf), path, err);
    rc = rc < 0 ? rc : btf_change_module(btf, root, module, err);
    if (rc < 0)
        return rc;
    *out_btf = TAKE_PTR(btf);
    return 0;
}

/* "" where it has none. */
static const char *name_at(const struct btf *btf, uint32_t offset)
{
    if (offset < btf->kernel.name_bytes)
        return btf->kernel.names + offset;
    offset -= (uint32_t)btf->kernel.name_bytes;
    return offset < btf->module.name_bytes ? btf->module.names + offset : "";
}

/* NULL: void, or there is no such type. */
static const struct btf_type *type_at(const struct btf *btf, uint32_t id)
{
    return id < btf->count ? btf->types[id] : NULL;
}

static uint32_t kind_of(const struct btf_type *type)
{
    return type ? (uint32_t)BTF_INFO_KIND(type->info) : (uint32_t)BTF_KIND_UNKN;
}

static bool is_structure(const struct btf_type *type)
{
    return kind_of(type) == BTF_KIND_STRUCT || kind_of(type) == BTF_KIND_UNION;
}

/* What a type stands for: typedefs and qualifiers off. NULL: nothing. */
static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
    const struct btf_type *type = type_at(btf, id);
    for (int i = 0; i < NESTED_MAX && type; i++)
        switch (kind_of(type)) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
            type = type_at(btf, type->type);
            break;
        default:
            return type;
        }
    return NULL;
}

/* The last of that name and kind: a module's own before the kernel's. */
static const struct btf_type *find_type(const struct btf *btf, uint32_t kind, const char *name)
{
    for (size_t i = btf->count; i-- > 1;)
        if (kind_of(btf->types[i]) == kind &&
            strcmp(name_at(btf, btf->types[i]->name_off), name) == 0)
            return btf->types[i];
    return NULL;
}

struct place {
    uint64_t bits; /* from the beginning of what was looked through */
    const struct btf_type *type;
    unsigned looked; /* members */
};

static bool find_in(const struct btf *btf, const struct btf_type *structure, const char *name,
                    size_t name_length, int depth, struct place *place)
{
    const struct btf_member *members = (const void *)(structure + 1);
    bool has_bitfields = BTF_INFO_KFLAG(structure->info);
    for (size_t i = 0; i < BTF_INFO_VLEN(structure->info) && place->looked < LOOKED_MAX; i++) {
        const char *own = name_at(btf, members[i].name_off);
        const struct btf_type *type = resolve(btf, members[i].type);
        uint32_t offset = members[i].offset;
        uint32_t bits = has_bitfields ? BTF_MEMBER_BIT_OFFSET(offset) : offset;
        place->looked++;
        bool is_it = strlen(own) == name_length && memcmp(own, name, name_length) == 0;
        if (is_it)
            place->type = type;
        else if (*own || !is_structure(type) || depth == 0 ||
                 !find_in(btf, type, name, name_length, depth - 1, place))
            continue;
        place->bits += bits;
        return true;
    }
    return false;
}

int btf_find_member(const struct btf *btf, const char *structure, const char *path)
{
    struct place place = {.type = find_type(btf, BTF_KIND_STRUCT, structure)};
    for (const char *end = path; *end; path = end + 1) {
        end = strchrnul(path, '.');
        if (!is_structure(place.type) ||
            !find_in(btf, place.type, path, (size_t)(end - path), NESTED_MAX, &place))
            return -ENOENT;
    }
    if (place.bits % 8 || place.bits / 8 > INT32_MAX)
        return -EINVAL;
    return (int)(place.bits / 8);
}

/* The types of programs at a tracepoint are typedefs "btf_trace_NAME" of pointers to a function,
 * whose first argument is not the tracepoint's (include/trace/bpf_probe.h). */
int btf_find_argument(const struct btf *btf, const char *tracepoint, const char *structure)
{
    CLEANUP_FREE char *name = mem_printf("btf_trace_%s", tracepoint);
    const struct btf_type *type = find_type(btf, BTF_KIND_TYPEDEF, name);
    type = type ? resolve(btf, type->type) : NULL;
    type = kind_of(type) == BTF_KIND_PTR ? resolve(btf, type->type) : NULL;
    if (kind_of(type) != BTF_KIND_FUNC_PROTO)
        return -ENOENT;
    const struct btf_param *arguments = (const void *)(type + 1);
    for (int i = 1; i < (int)BTF_INFO_VLEN(type->info); i++) {
        const struct btf_type *argument = resolve(btf, arguments[i].type);
        if (kind_of(argument) != BTF_KIND_PTR)
            continue;
        argument = resolve(btf, argument->type);
        if (kind_of(argument) == BTF_KIND_STRUCT &&
            strcmp(name_at(btf, argument->name_off), structure) == 0)
            return i - 1;
    }
    return -ENOENT;
}
