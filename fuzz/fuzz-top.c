/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What vtax top reads of others: texts of /proc and debugfs, command lines, a guest agent's
 * answers. The first byte chooses.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "top/agent.h"
#include "top/identity.h"
#include "top/parse.h"

static void take_interface(const char *name, uint64_t received, uint64_t sent, void *context)
{
    (void)context, (void)received, (void)sent;
    FUZZ_REQUIRE(*name && strlen(name) < PARSE_INTERFACE_MAX);
}

static void check_fields(const char *text, size_t length)
{
    uint64_t value, other;
    char name[PARSE_INTERFACE_MAX] = "";
    (void)!parse_field(text, length, "read_bytes", &value);
    (void)!parse_number(text, length, &value);
    (void)!parse_schedstat(text, length, &value, &other);
    (void)!parse_interfaces(text, length, take_interface, NULL);
    (void)!parse_host_wait(text, length, &value);
    if (parse_tap(text, length, name) == 0)
        FUZZ_REQUIRE(name[0] && strlen(name) < PARSE_INTERFACE_MAX);
}

static void check_stats(const char *text, size_t length)
{
    struct parse_stat stat;
    struct parse_host host;
    if (parse_stat(text, length, &stat) == 0)
        FUZZ_REQUIRE(memchr(text, '(', length) && strlen(stat.name) < sizeof(stat.name));
    (void)!parse_host(text, length, &host);
}

static void check_words(const char *words, size_t length)
{
    for (enum identity_program program = IDENTITY_QEMU; program <= IDENTITY_OTHER; program++) {
        CLEANUP_IDENTITY struct identity identity;
        identity_parse(program, words, length, &identity);
        FUZZ_REQUIRE(!identity.name || (*identity.name && strlen(identity.name) <= length));
        FUZZ_REQUIRE(!identity.agent_socket || identity.has_agent);
    }
}

static void check_name(const char *text, size_t length)
{
    CLEANUP_FREE char *name = mem_strndup(text, length);
    unsigned number = 0;
    enum parse_accelerator accelerator = parse_vcpu(name, &number);
    FUZZ_REQUIRE(accelerator == PARSE_NO_VCPU || number <= UINT16_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact =
        mem_copy(length > 1 ? bytes + 1 : (const uint8_t *)"", length > 1 ? length - 1 : 1);
    size_t rest = length > 1 ? length - 1 : 0;
    uint64_t value;
    switch (length ? bytes[0] % 5 : 0) {
    case 0:
        check_fields(exact, rest);
        break;
    case 1:
        check_stats(exact, rest);
        break;
    case 2:
        check_words(exact, rest);
        break;
    case 3:
        check_name(exact, rest);
        break;
    default:
        agent_parse(exact, rest, &value);
        break;
    }
    return 0;
}
