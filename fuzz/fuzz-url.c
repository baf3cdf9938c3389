/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a URL. What is taken must be bounded and free of what could break a request.
 */
#include "fuzz.h"

#include <string.h>

#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct url url;
    struct error err = {0};
    char authority[URL_AUTHORITY_BYTES];
    if (url_parse((const char *)bytes, length, &url, &err) < 0) {
        FUZZ_REQUIRE(err.kind == ERROR_USAGE && err.text[0]);
        return 0;
    }
    FUZZ_REQUIRE(url.host[0] && url.port > 0 && url.target[0] == '/');
    FUZZ_REQUIRE(strlen(url.host) < URL_HOST_BYTES && strlen(url.target) < URL_TARGET_BYTES);
    FUZZ_REQUIRE(!strpbrk(url.target, " \r\n\t") && !strpbrk(url.host, " \r\n/@"));
    url_format_authority(&url, authority);
    return 0;
}
