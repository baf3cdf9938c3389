/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cpio: archives in the "newc" form, which the kernel unpacks as an initrd (kernel documentation,
 * driver-api/early-userspace/buffer-format). Everything belongs to root and has time 0, so the same
 * entries give the same bytes.
 */
#pragma once

#include "base/strbuf.h"

struct cpio {
    struct strbuf bytes;
    unsigned entries;
};

void cpio_init(struct cpio *cpio);
void cpio_add_directory(struct cpio *cpio, const char *name, unsigned permissions);
void cpio_add_file(struct cpio *cpio, const char *name, unsigned permissions, const void *bytes,
                   size_t length);
void cpio_add_character_device(struct cpio *cpio, const char *name, unsigned permissions,
                               unsigned major, unsigned minor);
/* Ends the archive; its bytes are then complete. */
void cpio_finish(struct cpio *cpio);
void cpio_done(struct cpio *cpio);
#define CLEANUP_CPIO CLEANUP(cpio_done)
