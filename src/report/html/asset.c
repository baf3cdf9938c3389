/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html/asset.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "stats/base64.h"

extern const char asset_style[], asset_style_end[];
extern const char asset_script[], asset_script_end[];
extern const char asset_rows[], asset_rows_end[];
extern const char asset_columns[], asset_columns_end[];
extern const char asset_lines[], asset_lines_end[];
extern const char asset_bars[], asset_bars_end[];
extern const char asset_pages[], asset_pages_end[];
extern const char asset_density[], asset_density_end[];
extern const char asset_time[], asset_time_end[];
extern const char asset_waterfall[], asset_waterfall_end[];

static const struct {
    const char *name;
    const char *begin;
    const char *end;
} assets[ASSET_COUNT] = {
    [ASSET_STYLE] = {"style", asset_style, asset_style_end},
    [ASSET_SCRIPT] = {"script", asset_script, asset_script_end},
    [ASSET_ROWS] = {"rows", asset_rows, asset_rows_end},
    [ASSET_COLUMNS] = {"columns", asset_columns, asset_columns_end},
    [ASSET_LINES] = {"lines", asset_lines, asset_lines_end},
    [ASSET_BARS] = {"bars", asset_bars, asset_bars_end},
    [ASSET_PAGES] = {"pages", asset_pages, asset_pages_end},
    [ASSET_DENSITY] = {"density", asset_density, asset_density_end},
    [ASSET_TIME] = {"time", asset_time, asset_time_end},
    [ASSET_WATERFALL] = {"waterfall", asset_waterfall, asset_waterfall_end},
};

static size_t length_of(enum asset asset)
{
    return (size_t)(assets[asset].end - assets[asset].begin);
}

const char *asset_name(enum asset asset)
{
    return assets[asset].name;
}

void asset_put(enum asset asset, FILE *stream)
{
    fwrite(assets[asset].begin, 1, length_of(asset), stream);
}

char *asset_text(enum asset asset)
{
    return mem_strndup(assets[asset].begin, length_of(asset));
}

void asset_script_digest(char *text, size_t size)
{
    char digits[DIGEST_TEXT_BYTES];
    unsigned char bytes[(DIGEST_TEXT_BYTES - 1) / 2];
    digest_bytes(assets[ASSET_SCRIPT].begin, length_of(ASSET_SCRIPT), digits);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    base64_encode(&buf, bytes, sizeof(bytes));
    snprintf(text, size, "%s", buf.text);
}
