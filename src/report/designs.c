/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/designs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"

static void set_title(struct report_designs *designs)
{
    char date[32] = "";
    time_t seconds = (time_t)(designs->archive.comparison.start_ns / NS_PER_S);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &parts);
    snprintf(designs->title, sizeof(designs->title), "comparison %" PRId64 ", %s",
             designs->archive.comparison.id, date);
}

int designs_read(struct store *store, struct report_designs **out_designs, struct error *err)
{
    struct archive archive;
    int rc = archive_read(store, &archive, err);
    *out_designs = NULL;
    if (rc <= 0)
        return rc;
    struct report_designs *designs = mem_zalloc(sizeof(*designs));
    designs->archive = archive;
    contrast_make(&designs->archive.measures, &designs->contrast);
    set_title(designs);
    *out_designs = designs;
    return 0;
}

struct report_designs *designs_free(struct report_designs *designs)
{
    if (!designs)
        return NULL;
    contrast_done(&designs->contrast);
    archive_done(&designs->archive);
    free(designs);
    return NULL;
}

int designs_save(const struct report_designs *designs, enum report_format format, const char *path,
                 struct error *err)
{
    static void (*const writers[REPORT_FORMAT_COUNT])(const struct contrast *, FILE *) = {
        [REPORT_TEXT] = contrast_write_text,
        [REPORT_HTML] = contrast_write_html,
        [REPORT_JSON] = contrast_write_json};
    if (!writers[format])
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "show a comparison of designs as '%s': there is no such form of it "
                         "(formats: text, html, json)",
                         report_format_names[format]);
    if (!path || strcmp(path, "-") == 0) {
        writers[format](&designs->contrast, stdout);
        return 0;
    }
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_set_errno(err, ERROR_INTERNAL, -errno, "write report '%s'", path);
    writers[format](&designs->contrast, out);
    fclose(out);
    return file_write_atomic(path, text, length, 0644, err);
}

struct report_value designs_value(const struct contrast_cell *cell, enum contrast_metric metric)
{
    const struct contrast_value *value = &cell->values[metric];
    return (struct report_value){.n = value->n, .mean = value->mean, .interval = value->interval};
}

unsigned designs_most_vms(const struct report_designs *designs)
{
    unsigned most = 0;
    for (size_t i = 0; i < designs->contrast.count; i++)
        if (designs->contrast.cells[i].vms > most)
            most = designs->contrast.cells[i].vms;
    return most;
}
