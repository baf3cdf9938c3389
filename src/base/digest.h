/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * digest: SHA-256 as lower-case hexadecimal text.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define DIGEST_TEXT_BYTES 65 /* 64 digits and the NUL */

void digest_bytes(const void *bytes, size_t length, char out_text[DIGEST_TEXT_BYTES]);
int digest_file(const char *path, char out_text[DIGEST_TEXT_BYTES], struct error *err)
    __attribute__((warn_unused_result));
