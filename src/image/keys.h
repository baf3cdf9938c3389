/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * keys: the SSH keys of an image: one that the machine lets in, and the machine's own host key.
 * ssh-keygen makes them; the host key is also needed in the form that dropbear reads.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define KEYS_DROPBEAR_BYTES 83 /* an Ed25519 key as dropbear stores it */

/* Makes an Ed25519 key without a pass phrase: path and path.pub. */
int keys_generate(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Reads path.pub: "ssh-ed25519 BASE64", without the comment; the caller's to free. */
int keys_read_public(const char *path, char **out_line, struct error *err)
    __attribute__((warn_unused_result));

/* Converts the text of an OpenSSH private key (PROTOCOL.key of OpenSSH, no pass phrase, Ed25519) to
 * dropbear's form. -EBADMSG when it is anything else. */
int keys_to_dropbear(const char *text, unsigned char out_bytes[KEYS_DROPBEAR_BYTES])
    __attribute__((warn_unused_result));
