/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kernel: what direct kernel boot takes, made from an unpacked root file system with a stock Debian
 * kernel.
 *
 * The kernel is taken out of its compressed file as the ELF file that it is: QEMU and Xen enter it
 * by the PVH protocol, which saves the guest from decompressing it (measured under TCG: ready
 * in 2.9 s instead of 3.7 s).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* Finds the one kernel in root; the caller's to free. */
int kernel_find_version(const char *root, char **out_version, struct error *err)
    __attribute__((warn_unused_result));

/* Writes the kernel to path: uncompressed where its compression is known, else as it is. */
int kernel_extract(const char *root, const char *version, const char *path, struct error *err)
    __attribute__((warn_unused_result));

/* Writes the initrd to path: the guest's init and the modules (NULL-terminated names) with all that
 * they need, uncompressed. */
int kernel_make_initrd(const char *root, const char *version, const char *const *modules,
                       const char *path, struct error *err) __attribute__((warn_unused_result));

/* Adds to *paths (a NULL-terminated array, the caller's to free with its texts) the paths of the
 * modules and, before each, of what it needs, from the text of a modules.dep file; none twice,
 * and none of those that the kernel has built in, by the text of its modules.builtin.
 * -ENOENT names a module that is not there. */
int kernel_resolve_modules(const char *modules_dep, const char *modules_builtin,
                           const char *const *modules, char ***out_paths, struct error *err)
    __attribute__((warn_unused_result));

/* Where in a bzImage (Linux/x86 boot protocol 2.08 and later) the compressed kernel lies. -EBADMSG
 * when it is none. */
int kernel_find_payload(const unsigned char *image, size_t length, size_t *out_offset,
                        size_t *out_length) __attribute__((warn_unused_result));
