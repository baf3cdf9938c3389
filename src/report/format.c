/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

const char *const report_format_names[REPORT_FORMAT_COUNT + 1] = {
    [REPORT_TEXT] = "text",
    [REPORT_HTML] = "html",
    [REPORT_JSON] = "json",
    [REPORT_CSV] = "csv",
};

static bool is_utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0]) /* the first that is set decides, as in setlocale(3) */
            return strcasestr(value, "UTF-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct report_style report_style_of(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool wanted = !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
    return (struct report_style){
        .colour = wanted && isatty(fileno(stream)),
        .unicode = is_utf8_locale(),
    };
}

void report_write(const struct report *report, enum report_format format,
                  const struct report_style *style, FILE *stream)
{
    static void (*const writers[REPORT_FORMAT_COUNT])(const struct report *,
                                                      const struct report_style *, FILE *) = {
        [REPORT_TEXT] = format_text,
        [REPORT_HTML] = format_html,
        [REPORT_JSON] = format_json,
        [REPORT_CSV] = format_csv,
    };
    writers[format](report, style, stream);
}

/* Something that cannot be replaced by a rename, a pipe or /dev/null, is written to as it is. */
static bool is_replaceable(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

static int write_and_close(const struct report *report, enum report_format format, FILE *stream)
{
    struct report_style style = {.colour = false, .unicode = is_utf8_locale()};
    errno = 0;
    report_write(report, format, &style, stream);
    int rc = fflush(stream) < 0 || ferror(stream) ? (errno ? -errno : -EIO) : 0;
    if (fclose(stream) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

static int save_directly(const struct report *report, enum report_format format, const char *path)
{
    FILE *stream = fopen(path, "we");
    return stream ? write_and_close(report, format, stream) : -errno;
}

static int save_by_rename(const struct report *report, enum report_format format, const char *path)
{
    CLEANUP_FREE char *draft = mem_printf("%s.XXXXXX", path);
    int fd = mkostemp(draft, O_CLOEXEC);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (!stream)
        return -errno;
    mode_t mask = umask(0);
    umask(mask);
    int rc = fchmod(fd, 0666 & ~mask) < 0 ? -errno : 0;
    int written = write_and_close(report, format, stream);
    rc = rc < 0 ? rc : written;
    if (rc == 0 && rename(draft, path) < 0)
        rc = -errno;
    if (rc < 0)
        unlink(draft);
    return rc;
}

int report_save(const struct report *report, enum report_format format, const char *path,
                struct error *err)
{
    if (!path || strcmp(path, "-") == 0) {
        struct report_style style = report_style_of(stdout);
        report_write(report, format, &style, stdout);
        return 0;
    }
    int rc = is_replaceable(path) ? save_by_rename(report, format, path)
                                  : save_directly(report, format, path);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "write report '%s'", path);
    return 0;
}
