/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"

#include <errno.h>
#include <sha2.h>
#include <stdint.h>
#include <string.h>

_Static_assert(DIGEST_TEXT_BYTES == SHA256_DIGEST_STRING_LENGTH, "libmd writes this many bytes");

void digest_bytes(const void *bytes, size_t length, char out_text[DIGEST_TEXT_BYTES])
{
    SHA256Data(bytes, length, out_text);
}

int digest_file(const char *path, char out_text[DIGEST_TEXT_BYTES], struct error *err)
{
    char text[DIGEST_TEXT_BYTES];
    if (!SHA256File(path, text))
        return error_set_errno(err, ERROR_ENVIRONMENT, errno ? -errno : -EIO, "read '%s'", path);
    memcpy(out_text, text, sizeof(text));
    return 0;
}
