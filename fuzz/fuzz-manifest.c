/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Manifests of images: what parses has one text form.
 */
#include "fuzz.h"

#include <string.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_MANIFEST struct manifest manifest = {0}, back = {0};
    if (manifest_parse((const char *)bytes, length, &manifest, NULL) < 0)
        return 0;
    CLEANUP_FREE char *text = manifest_format(&manifest);
    FUZZ_REQUIRE(manifest_parse(text, strlen(text), &back, NULL) == 0);
    CLEANUP_FREE char *again = manifest_format(&back);
    FUZZ_REQUIRE(strcmp(text, again) == 0);
    return 0;
}
