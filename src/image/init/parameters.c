/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/parameters.h"

#include <stddef.h>
#include <string.h>

#define BLANKS " \t\n"

static const struct parameter {
    const char *prefix;
    size_t offset;
    const char *fallback;
} known[] = {
    {"root=", offsetof(struct boot_parameters, root), "/dev/vda"},
    {"init=", offsetof(struct boot_parameters, init), "/sbin/vtax-init"},
    {"vtax.hostname=", offsetof(struct boot_parameters, hostname), "vtax"},
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static void take_word(const char *word, size_t length, struct boot_parameters *parameters)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        size_t prefix = strlen(known[i].prefix);
        if (length <= prefix || memcmp(word, known[i].prefix, prefix) != 0 ||
            length - prefix >= PARAMETER_MAX)
            continue;
        char *field = (char *)parameters + known[i].offset;
        memcpy(field, word + prefix, length - prefix);
        field[length - prefix] = '\0';
    }
}

void boot_parameters_parse(const char *command_line, struct boot_parameters *out_parameters)
{
    memset(out_parameters, 0, sizeof(*out_parameters));
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        strcpy((char *)out_parameters + known[i].offset, known[i].fallback);
    for (const char *at = command_line; *(at += strspn(at, BLANKS));) {
        size_t length = strcspn(at, BLANKS);
        take_word(at, length, out_parameters);
        at += length;
    }
}
