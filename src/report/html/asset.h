/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * asset: what an HTML report carries along: style sheet, script with Vega, chart specifications.
 * They are files below data/ that the build puts into the program.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum asset {
    ASSET_STYLE,
    ASSET_SCRIPT,
    ASSET_ROWS,
    ASSET_COLUMNS,
    ASSET_LINES,
    ASSET_BARS,
    ASSET_PAGES,
    ASSET_DENSITY,
    ASSET_TIME,
    ASSET_WATERFALL,
    ASSET_COUNT,
    ASSET_SPEC_FIRST = ASSET_ROWS,
    ASSET_SPEC_LAST = ASSET_WATERFALL,
};

const char *asset_name(enum asset asset); /* "rows" */
void asset_put(enum asset asset, FILE *stream);
/* The caller's to free. */
char *asset_text(enum asset asset);
/* Base64 of the SHA-256 of the script, as a content security policy wants it. */
void asset_script_digest(char *text, size_t size);
