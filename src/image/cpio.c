/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/cpio.h"

#include <string.h>
#include <sys/stat.h>

void cpio_init(struct cpio *cpio)
{
    *cpio = (struct cpio){0};
    strbuf_init(&cpio->bytes);
}

static void pad(struct cpio *cpio)
{
    while (cpio->bytes.length % 4 != 0)
        strbuf_addc(&cpio->bytes, '\0');
}

static void add(struct cpio *cpio, const char *name, unsigned mode, unsigned major, unsigned minor,
                const void *bytes, size_t length)
{
    const unsigned fields[] = {
        ++cpio->entries, /* inode number */
        mode,
        0,
        0, /* owner, group */
        1, /* links */
        0, /* time */
        (unsigned)length,
        0,
        0,
        major,
        minor,
        (unsigned)strlen(name) + 1,
        0 /* check sum */
    };
    strbuf_adds(&cpio->bytes, "070701");
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        strbuf_addf(&cpio->bytes, "%08x", fields[i]);
    strbuf_add(&cpio->bytes, name, strlen(name) + 1);
    pad(cpio);
    strbuf_add(&cpio->bytes, bytes, length);
    pad(cpio);
}

void cpio_add_directory(struct cpio *cpio, const char *name, unsigned permissions)
{
    add(cpio, name, S_IFDIR | permissions, 0, 0, "", 0);
}

void cpio_add_file(struct cpio *cpio, const char *name, unsigned permissions, const void *bytes,
                   size_t length)
{
    add(cpio, name, S_IFREG | permissions, 0, 0, bytes, length);
}

void cpio_add_character_device(struct cpio *cpio, const char *name, unsigned permissions,
                               unsigned major, unsigned minor)
{
    add(cpio, name, S_IFCHR | permissions, major, minor, "", 0);
}

void cpio_finish(struct cpio *cpio)
{
    add(cpio, "TRAILER!!!", 0, 0, 0, "", 0);
}

void cpio_done(struct cpio *cpio)
{
    strbuf_done(&cpio->bytes);
}
