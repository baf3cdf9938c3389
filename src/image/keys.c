/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define MAGIC "openssh-key-v1" /* and a NUL */
#define KIND "ssh-ed25519"
#define PRIVATE_BYTES 64 /* seed and public key */
#define DECODED_MAX 1024

int keys_generate(const char *path, struct error *err)
{
    const char *argv[] = {"ssh-keygen", "-q",   "-t", "ed25519", "-N", "",
                          "-C",         "vtax", "-f", path,      NULL};
    return process_check(argv, 30 * NS_PER_S, NULL, err);
}

int keys_read_public(const char *path, char **out_line, struct error *err)
{
    CLEANUP_FREE char *public_path = mem_printf("%s.pub", path);
    CLEANUP_FREE char *text = NULL;
    int rc = file_read(public_path, 4096, &text, NULL, err);
    if (rc < 0)
        return rc;
    size_t kind = strcspn(text, " \n");
    size_t key = text[kind] == ' ' ? strcspn(text + kind + 1, " \n") : 0;
    if (key == 0)
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "read '%s': not a public key",
                         public_path);
    *out_line = mem_strndup(text, kind + 1 + key);
    return 0;
}

static int base64_digit(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes up to the first character that is neither base64 nor a newline. */
static size_t decode(const char *text, unsigned char bytes[DECODED_MAX])
{
    size_t length = 0;
    uint32_t bits = 0;
    int have = 0;
    for (; (*text == '\n' || base64_digit(*text) >= 0) && length < DECODED_MAX; text++) {
        if (*text == '\n')
            continue;
        bits = bits << 6 | (uint32_t)base64_digit(*text);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[length++] = (unsigned char)(bits >> have);
        }
    }
    return length;
}

struct cursor {
    const unsigned char *at;
    size_t left;
};

/* A length in four bytes, then as many bytes (RFC 4251, "string"). */
static bool take_string(struct cursor *from, struct cursor *out_string)
{
    if (from->left < 4)
        return false;
    uint32_t length = (uint32_t)from->at[0] << 24 | (uint32_t)from->at[1] << 16 |
                      (uint32_t)from->at[2] << 8 | from->at[3];
    if (length > from->left - 4)
        return false;
    *out_string = (struct cursor){from->at + 4, length};
    from->at += 4 + length, from->left -= 4 + length;
    return true;
}

static bool take_exactly(struct cursor *from, const char *text)
{
    struct cursor string;
    return take_string(from, &string) && string.left == strlen(text) &&
           memcmp(string.at, text, string.left) == 0;
}

static bool skip(struct cursor *from, size_t bytes)
{
    if (from->left < bytes)
        return false;
    from->at += bytes, from->left -= bytes;
    return true;
}

int keys_to_dropbear(const char *text, unsigned char out_bytes[KEYS_DROPBEAR_BYTES])
{
    unsigned char bytes[DECODED_MAX];
    if (strncmp(text, BEGIN, strlen(BEGIN)) != 0)
        return -EBADMSG;
    struct cursor all = {bytes, decode(text + strlen(BEGIN), bytes)};
    struct cursor public_key, inner, private_key;
    if (all.left < sizeof(MAGIC) || memcmp(all.at, MAGIC, sizeof(MAGIC)) != 0 ||
        !skip(&all, sizeof(MAGIC)) || !take_exactly(&all, "none") || !take_exactly(&all, "none") ||
        !take_exactly(&all, "") || !skip(&all, 4) || !take_string(&all, &public_key) ||
        !take_string(&all, &inner) || !skip(&inner, 8) || !take_exactly(&inner, KIND) ||
        !take_string(&inner, &public_key) || !take_string(&inner, &private_key) ||
        private_key.left != PRIVATE_BYTES)
        return -EBADMSG;
    static const unsigned char heading[] = {0, 0, 0, sizeof(KIND) - 1};
    static const unsigned char length[] = {0, 0, 0, PRIVATE_BYTES};
    memcpy(out_bytes, heading, 4);
    memcpy(out_bytes + 4, KIND, sizeof(KIND) - 1);
    memcpy(out_bytes + 15, length, 4);
    memcpy(out_bytes + 19, private_key.at, PRIVATE_BYTES);
    return 0;
}
