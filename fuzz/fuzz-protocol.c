/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The runner's lines: what parses is formatted to the same line, and nothing is read beyond the
 * end.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "guest/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    struct protocol_message message, again;
    char line[PROTOCOL_LINE_MAX + 1];
    ssize_t taken = protocol_parse(exact, length, &message);
    FUZZ_REQUIRE(taken <= (ssize_t)length && taken <= PROTOCOL_LINE_MAX);
    if (taken <= 0 || message.kind == PROTOCOL_NOISE)
        return 0;
    size_t formatted = protocol_format(&message, line);
    FUZZ_REQUIRE(protocol_parse(line, formatted, &again) == (ssize_t)formatted);
    FUZZ_REQUIRE(again.kind == message.kind && again.guest_ns == message.guest_ns);
    FUZZ_REQUIRE(message.kind == PROTOCOL_FAILED || formatted == (size_t)taken);
    return 0;
}
