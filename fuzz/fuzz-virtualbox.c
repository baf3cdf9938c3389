/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What VirtualBox's programs print and log: lines that are found lie in the text; and a path of any
 * bytes ends no attribute of the settings that it is written to.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "machine/virtualbox_config.h"
#include "machine/virtualbox_tools.h"

static void check_line(const char *text, const char *line, size_t length)
{
    FUZZ_REQUIRE(line >= text && line + length <= text + strlen(text));
    FUZZ_REQUIRE(!memchr(line, '\n', length));
}

static size_t count(const char *text, char byte)
{
    size_t found = 0;
    for (; *text; text++)
        found += *text == byte;
    return found;
}

static void check_settings(const char *path)
{
    struct virtualbox_config config = {
        .name = "", .mac = "", .console = "", .boot = "", .base = "", .overlay = ""};
    CLEANUP_FREE char *empty = virtualbox_format_machine(&config);
    config.console = path;
    CLEANUP_FREE char *text = virtualbox_format_machine(&config);
    FUZZ_REQUIRE(count(text, '"') == count(empty, '"'));
    FUZZ_REQUIRE(count(text, '<') == count(empty, '<'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    CLEANUP_FREE char *text = mem_strndup((const char *)bytes, length);
    uint64_t exits = 0;
    size_t line_length;
    FUZZ_REQUIRE(virtualbox_parse_exits(exact, length, &exits) <= 0);
    const char *line = virtualbox_find_end(text, &line_length);
    if (line)
        check_line(text, line, line_length);
    line = virtualbox_find_complaint(text, &line_length);
    check_line(text, line, line_length);
    check_settings(text);
    return 0;
}
