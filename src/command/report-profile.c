/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/report-profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "profile/load.h"

static const struct {
    const char *name;
    void (*write)(struct strbuf *out, const struct write_profile *profile);
} writers[] = {
    {"text", write_text},
    {"html", write_html},
    {"folded", write_folded},
    {"json", write_speedscope},
    {"speedscope", write_speedscope},
};

int report_profile(const char *directory, const char *format, const char *output, struct error *err)
{
    CLEANUP_LOAD struct load load = {0};
    CLEANUP_STRBUF struct strbuf text;
    size_t i = 0;
    while (i < COUNT_OF(writers) && strcmp(writers[i].name, format) != 0)
        i++;
    if (i == COUNT_OF(writers))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "--profile: no profile as '%s' (formats: text, html, json, folded)",
                         format);
    int rc = load_open(directory, &load, err);
    if (rc < 0)
        return rc;
    load_resolve(&load);
    const struct write_profile profile = {
        .title = load.title, .samples = &load.samples, .result = &load.result};
    strbuf_init(&text);
    writers[i].write(&text, &profile);
    if (output)
        return file_write_atomic(output, text.text, text.length, 0644, err);
    fwrite(text.text, 1, text.length, stdout);
    return 0;
}
