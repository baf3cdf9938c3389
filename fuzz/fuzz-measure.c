/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "study/contrast.h"

/* What can be read can be shown. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct measures measures = {0};
    struct contrast contrast;
    char *text = NULL;
    size_t length;
    (void)!measures_parse((const char *)data, size, &measures);
    if (measures.count < 50) {
        FILE *out = open_memstream(&text, &length);
        contrast_make(&measures, &contrast);
        contrast_write_text(&contrast, out);
        contrast_write_json(&contrast, out);
        contrast_write_html(&contrast, out);
        contrast_done(&contrast);
        fclose(out);
        free(text);
    }
    measures_done(&measures);
    return 0;
}
