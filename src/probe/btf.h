/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * btf: where things lie in the running kernel's structures, from the type information that it keeps
 * of itself and of each module (Documentation/bpf/btf.rst).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define BTF_ROOT "/sys/kernel/btf"

struct btf;

/* The kernel's types, and with them those of `module`, whose numbers and names go on from the
 * kernel's. module NULL, or built in: the kernel's alone. */
int btf_read(const char *root, const char *module, struct btf **out_btf, struct error *err)
    __attribute__((warn_unused_result));
/* Another module's types in place of those of the one before; the kernel's stay. */
int btf_change_module(struct btf *btf, const char *root, const char *module, struct error *err)
    __attribute__((warn_unused_result));
/* As btf_read() from bytes, which it copies (module NULL: none). 0 or -EBADMSG. Pure. */
int btf_parse(const void *kernel, size_t kernel_bytes, const void *module, size_t module_bytes,
              struct btf **out_btf) __attribute__((warn_unused_result));
struct btf *btf_free(struct btf *btf);
void btf_cleanup(struct btf **btf);

/* Byte offset of a member, or of a member's member ("vt.exit_reason"), in a structure; those of
 * structures without a name count as its own. -ENOENT: there is no such structure or member;
 * -EINVAL: it begins within a byte. */
int btf_find_member(const struct btf *btf, const char *structure, const char *path)
    __attribute__((warn_unused_result));
/* Which of a tracepoint's arguments, from 0 on, points at that structure. -ENOENT: none. */
int btf_find_argument(const struct btf *btf, const char *tracepoint, const char *structure)
    __attribute__((warn_unused_result));
